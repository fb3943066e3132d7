/* Measuring a call. */
#include "measure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "output.h"

/* The warm-up: caches, hot sets of pages, the processor's clock. */
enum { WARM_MIN_CALLS = 3, WARM_MAX_CALLS = 1000, WARM_TIME = 50000000 };

/* The threads beside the measured one. */
struct spinners {
    const struct measured_call *call;
    atomic_uint spinning; /* have made a call */
    atomic_bool stop;
};

static subx_status call_once(const struct measured_call *call, subx_error *error)
{
    subx_bytes output = SUBX_BYTES_INIT;
    const subx_status status =
        subx_runtime_call(call->runtime, call->method, call->input, NULL, &output, error);
    subx_bytes_free(&output);
    return status;
}

/* What fails here fails on the measured thread too, which says why. */
static void *spin(void *data)
{
    struct spinners *spinners = data;
    subx_status status = call_once(spinners->call, NULL);
    atomic_fetch_add(&spinners->spinning, 1);
    while (status == SUBX_OK && !atomic_load_explicit(&spinners->stop, memory_order_relaxed))
        status = call_once(spinners->call, NULL);
    return NULL;
}

static subx_status warm_up(const struct measured_call *call, subx_error *error)
{
    const uint64_t start = clock_now();
    subx_status status = SUBX_OK;
    for (int i = 0; i < WARM_MAX_CALLS && status == SUBX_OK; i++) {
        if (i >= WARM_MIN_CALLS && clock_now() - start > WARM_TIME)
            break;
        status = call_once(call, error);
    }
    return status;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = 0, y = 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* `times` has room for `length->max_calls`; its pages are there already. */
static subx_status take_times(const struct measured_call *call, const struct measure_length *length,
                              uint64_t *times, uint64_t *count, subx_error *error)
{
    const uint64_t begin = clock_now();
    uint64_t now = begin;
    *count = 0;
    while (*count < length->max_calls &&
           (*count < length->min_calls || now - begin < length->time)) {
        const uint64_t start = clock_now();
        const subx_status status = call_once(call, error);
        now = clock_now();
        if (status != SUBX_OK)
            return status;
        times[(*count)++] = now - start;
    }
    return SUBX_OK;
}

static subx_status measure(const struct measured_call *call, const struct measure_length *length,
                           struct measured *out, subx_error *error)
{
    uint64_t *times = output_memory((size_t)length->max_calls, sizeof *times);
    memset(times, 0xff, (size_t)length->max_calls * sizeof *times);
    subx_status status = warm_up(call, error);
    if (status == SUBX_OK)
        status = take_times(call, length, times, &out->calls, error);
    if (status == SUBX_OK) {
        qsort(times, (size_t)out->calls, sizeof *times, compare_times);
        out->fastest = times[0];
        out->median = times[out->calls / 2];
        out->p99 = times[(out->calls * 99 + 99) / 100 - 1];
    }
    free(times);
    return status;
}

subx_status measure_call(const struct measured_call *call, unsigned threads,
                         const struct measure_length *length, struct measured *out,
                         subx_error *error)
{
    struct spinners spinners = {.call = call};
    const unsigned wanted = threads - 1;
    unsigned started = 0;
    subx_status status = SUBX_OK;
    pthread_t *others = output_memory(wanted, sizeof *others);
    *out = (struct measured){0};
    while (started < wanted && pthread_create(&others[started], NULL, spin, &spinners) == 0)
        started++;
    if (started < wanted) {
        status = error->status = SUBX_NOMEM;
        snprintf(error->message, sizeof error->message, "thread %u cannot be started", started + 2);
    }
    const struct timespec moment = {0, 100000};
    while (status == SUBX_OK && atomic_load(&spinners.spinning) < wanted)
        (void)nanosleep(&moment, NULL);
    if (status == SUBX_OK)
        status = measure(call, length, out, error);
    atomic_store(&spinners.stop, true);
    for (unsigned i = 0; i < started; i++)
        pthread_join(others[i], NULL);
    free(others);
    return status;
}
