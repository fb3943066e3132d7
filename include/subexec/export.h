/**
 * \file
 * Visibility and compiler attributes of the public headers.
 */
#ifndef SUBEXEC_EXPORT_H
#define SUBEXEC_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define SUBX_API __attribute__((visibility("default")))
#define SUBX_NODISCARD __attribute__((warn_unused_result))
#else
#define SUBX_API
#define SUBX_NODISCARD
#endif

#endif
