/* A guest without an engine; see byte_guest.h. */
#include "byte_guest.h"

#include <stdlib.h>

static void *checked(void *pointer)
{
    if (pointer == NULL)
        abort();
    return pointer;
}

void byte_guest_init(struct byte_guest *guest, uint32_t pages, uint32_t max_pages)
{
    const size_t size = (size_t)pages * SUBX_WASM_PAGE;
    *guest = (struct byte_guest){
        .guest = {.base = checked(calloc(size == 0 ? 1 : size, 1)),
                  .size = size,
                  .max_pages = max_pages,
                  .grow = byte_guest_grow},
    };
    guest->guest.engine = guest;
}

void byte_guest_free(struct byte_guest *guest)
{
    free(guest->guest.base);
    guest->guest.base = NULL;
}

uint32_t byte_guest_pages(const struct subx_guest *guest)
{
    return (uint32_t)(guest->size / SUBX_WASM_PAGE);
}

bool byte_guest_grow(struct subx_guest *guest, uint32_t delta)
{
    struct byte_guest *const owner = guest->engine;
    owner->asked++;
    if (owner->lies)
        return true;
    if (owner->refuses_growth || (uint64_t)byte_guest_pages(guest) + delta > guest->max_pages)
        return false;
    const size_t size = (size_t)guest->size + (size_t)delta * SUBX_WASM_PAGE;
    uint8_t *const moved = checked(calloc(size == 0 ? 1 : size, 1));
    memcpy(moved, guest->base, (size_t)guest->size);
    free(guest->base);
    guest->base = moved;
    guest->size = size;
    owner->grown++;
    return true;
}

static void copy_text(char *to, size_t room, subx_slice text)
{
    const size_t len = text.len < room ? text.len : room - 1;
    if (len > 0)
        memcpy(to, text.data, len);
    to[len] = '\0';
}

static void keep_line(void *data, subx_log_level level, subx_slice target, subx_slice message)
{
    struct byte_call *const byte_call = data;
    byte_call->lines++;
    byte_call->level = level;
    copy_text(byte_call->target, sizeof byte_call->target, target);
    copy_text(byte_call->message, sizeof byte_call->message, message);
}

void byte_call_init(struct byte_call *byte_call, uint32_t pages, uint32_t max_pages,
                    uint32_t heap_base)
{
    memset(byte_call, 0, sizeof *byte_call);
    byte_guest_init(&byte_call->memory, pages, max_pages);
    struct subx_call *const call = &byte_call->call;
    call->guest = byte_call->memory.guest;
    subx_allocator__init(&call->allocator, heap_base);
    call->log = keep_line;
    call->log_data = byte_call;
    call->log_level = SUBX_LOG_DEBUG;
    call->failure = &byte_call->failure;
}

void byte_call_free(struct byte_call *byte_call)
{
    free(byte_call->call.guest.base);
    subx_call__free(&byte_call->call);
}

uint64_t byte_call_put(struct byte_call *byte_call, uint32_t pointer, subx_slice bytes)
{
    if (!subx_guest__write(&byte_call->call.guest, pointer, bytes))
        abort();
    return pointer | (uint64_t)bytes.len << 32;
}
