/* What became of an extrinsic, in words. */
#include "chain/applied.h"

#include <stdio.h>

#include "util/bytes.h"
#include "util/reader.h"

/* First version of BlockBuilder whose module errors have four bytes. */
enum { WIDE_ERRORS = 6 };

/* Numbers of variants that something follows. */
enum { INVALID_CUSTOM = 7, UNKNOWN_CUSTOM = 2, DISPATCH_MODULE = 3, DISPATCH_TOKEN = 7 };

/* Variants in their order. */
struct names {
    const char *type;
    const char *const *names;
    size_t count;
};

#define NAMES(type, array)                                  \
    {                                                       \
        (type), (array), sizeof(array) / sizeof((array)[0]) \
    }

static const char *const invalid_names[] = {"Call",
                                            "Payment",
                                            "Future",
                                            "Stale",
                                            "BadProof",
                                            "AncientBirthBlock",
                                            "ExhaustsResources",
                                            "Custom",
                                            "BadMandatory",
                                            "MandatoryValidation",
                                            "BadSigner",
                                            "IndeterminateImplicit",
                                            "UnknownOrigin"};
static const char *const unknown_names[] = {"CannotLookup", "NoUnsignedValidator", "Custom"};
static const char *const dispatch_names[] = {
    "Other",       "CannotLookup",     "BadOrigin",   "Module",         "ConsumerRemaining",
    "NoProviders", "TooManyConsumers", "Token",       "Arithmetic",     "Transactional",
    "Exhausted",   "Corruption",       "Unavailable", "RootNotAllowed", "Trie"};
static const char *const token_names[] = {
    "FundsUnavailable", "OnlyProvider", "BelowMinimum",     "CannotCreate",  "UnknownAsset",
    "Frozen",           "Unsupported",  "CannotCreateHold", "NotExpendable", "Blocked"};
static const char *const arithmetic_names[] = {"Underflow", "Overflow", "DivisionByZero"};
static const char *const transactional_names[] = {"LimitReached", "NoLayer"};

static const struct names invalid = NAMES("InvalidTransaction", invalid_names);
static const struct names unknown = NAMES("UnknownTransaction", unknown_names);
static const struct names dispatch = NAMES("DispatchError", dispatch_names);

/* Types of what is inside of DispatchError, from DISPATCH_TOKEN on. */
static const struct names inner[] = {NAMES("TokenError", token_names),
                                     NAMES("ArithmeticError", arithmetic_names),
                                     NAMES("TransactionalError", transactional_names)};

enum { INNER_COUNT = sizeof inner / sizeof inner[0] };

/* "TYPE 0x…", for errors that are unknown here; as many bytes as there is room for. */
static void tell_bytes(const char *type, subx_slice bytes, subx_applied *out)
{
    size_t at = (size_t)snprintf(out->reason, sizeof out->reason, "%s 0x", type);
    for (size_t i = 0; i < bytes.len && at + 3 < sizeof out->reason; i++)
        at += (size_t)snprintf(out->reason + at, sizeof out->reason - at, "%02x", bytes.data[i]);
}

/* "TYPE::NAME"; false: there is no such variant. */
static bool tell_name(const struct names *names, uint8_t number, subx_applied *out)
{
    if (number >= names->count)
        return false;
    snprintf(out->reason, sizeof out->reason, "%s::%s", names->type, names->names[number]);
    return true;
}

/* ---- TransactionValidityError ---- */

/* `error` is a variant's number, and a byte for Custom. */
static void tell_validity(const struct names *names, uint8_t custom, subx_slice error,
                          subx_applied *out)
{
    const uint8_t number = error.len > 0 ? error.data[0] : 0;
    if (error.len == 2 && number == custom)
        snprintf(out->reason, sizeof out->reason, "%s::Custom(%u)", names->type, error.data[1]);
    else if (error.len != 1 || number == custom || !tell_name(names, number, out))
        tell_bytes(names->type, error, out);
}

/* ---- DispatchError ---- */

static void tell_module(uint8_t module, subx_slice error, subx_applied *out)
{
    out->has_module = true;
    out->module = module;
    memcpy(out->module_error, error.data, error.len);
    snprintf(out->reason, sizeof out->reason, "DispatchError::Module { index: %u, error: %u }",
             module, subx_load_u32(out->module_error));
}

/* The error of runtimes that knew no variants; false: it is none. */
static bool tell_oldest(subx_slice error, subx_applied *out)
{
    if (error.len == 2 && error.data[0] == 0) {
        snprintf(out->reason, sizeof out->reason, "DispatchError { error: %u }", error.data[1]);
        return true;
    }
    if (error.len != 3 || error.data[0] != 1)
        return false;
    tell_module(error.data[1], subx_slice__of(error.data + 2, 1), out);
    return true;
}

/* A variant with one inside of it, of the types that are known here. */
static bool tell_inner(subx_slice error, subx_applied *out)
{
    const uint8_t number = error.data[0];
    return error.len == 2 && number >= DISPATCH_TOKEN && number < DISPATCH_TOKEN + INNER_COUNT &&
           tell_name(&inner[number - DISPATCH_TOKEN], error.data[1], out);
}

static void tell_dispatch(subx_slice error, uint32_t api, subx_applied *out)
{
    const bool wide = api >= WIDE_ERRORS;
    const size_t module_len = wide ? 4 : 1;
    if (error.len == 0 || (!wide && tell_oldest(error, out))) {
        if (error.len == 0)
            tell_bytes(dispatch.type, error, out);
        return;
    }
    const uint8_t number = error.data[0];
    if (number == DISPATCH_MODULE && error.len == 2 + module_len) {
        tell_module(error.data[1], subx_slice__of(error.data + 2, module_len), out);
        return;
    }
    /* Before version 6 the numbers after NoProviders were not always the same. */
    const bool is_settled = wide || number < DISPATCH_TOKEN - 1;
    const bool stands_alone = error.len == 1 && number != DISPATCH_MODULE;
    if (!is_settled ||
        !(tell_inner(error, out) || (stands_alone && tell_name(&dispatch, number, out))))
        tell_bytes(dispatch.type, error, out);
}

bool subx_applied__decode(subx_slice encoded, uint32_t api, subx_applied *out)
{
    if (encoded.len < 2 || encoded.data[0] > 1 || encoded.data[1] > 1)
        return false;
    const bool is_invalid = encoded.data[0] == 1, second = encoded.data[1] == 1;
    const subx_slice error = subx_slice__of(encoded.data + 2, encoded.len - 2);
    out->encoded = encoded;
    out->reason[0] = '\0';
    out->has_module = false;
    out->module = 0;
    memset(out->module_error, 0, sizeof out->module_error);
    if (is_invalid) {
        out->kind = SUBX_APPLIED_INVALID;
        if (second)
            tell_validity(&unknown, UNKNOWN_CUSTOM, error, out);
        else
            tell_validity(&invalid, INVALID_CUSTOM, error, out);
        return true;
    }
    out->kind = second ? SUBX_APPLIED_FAILED : SUBX_APPLIED_OK;
    if (second)
        tell_dispatch(error, api, out);
    return second || error.len == 0;
}
