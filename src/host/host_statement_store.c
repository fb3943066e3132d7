/*
 * Interface `statement_store`: spec/host-api.md section 1.8, as a node answers that has no such
 * store. The SDK's own interfaces were in flux when this was written.
 */
#include "host/host_functions.h"
#include "host/host_scale.h"

/* SubmitResult::NotAvailable. */
#define NOT_AVAILABLE 3u

/* A sequence without elements. */
static bool give_nothing(struct subx_host_bytes *result)
{
    result->head[0] = 0;
    result->head_len = 1;
    return true;
}

bool subx_host_statement_store__submit_statement(struct subx_call *call, subx_slice statement,
                                                 uint32_t *result)
{
    (void)call, (void)statement;
    *result = NOT_AVAILABLE;
    return true;
}

bool subx_host_statement_store__statements(struct subx_call *call, struct subx_host_bytes *result)
{
    (void)call;
    return give_nothing(result);
}

bool subx_host_statement_store__broadcasts(struct subx_call *call, subx_slice match_all_topics,
                                           struct subx_host_bytes *result)
{
    subx_slice topics;
    return subx_host_scale__sequence(call, "match_all_topics", match_all_topics, 32, &topics) &&
           give_nothing(result);
}

bool subx_host_statement_store__posted(struct subx_call *call, subx_slice match_all_topics,
                                       const uint8_t dest[32], struct subx_host_bytes *result)
{
    (void)dest;
    return subx_host_statement_store__broadcasts(call, match_all_topics, result);
}

bool subx_host_statement_store__remove(struct subx_call *call, const uint8_t hash[32])
{
    (void)call, (void)hash;
    return true;
}

bool subx_host_statement_store__posted_clear(struct subx_call *call, subx_slice match_all_topics,
                                             const uint8_t dest[32], struct subx_host_bytes *result)
{
    return subx_host_statement_store__posted(call, match_all_topics, dest, result);
}
