/* Prototypes of the functions behind host_functions.def: each source that implements some of them
 * includes this, so that the table and the code cannot disagree. */
#ifndef SUBX_HOST_HOST_FUNCTIONS_H
#define SUBX_HOST_HOST_FUNCTIONS_H

#include "host/marshal.h"

#define SUBX_HOST_FUNCTION SUBX_HOST_PROTOTYPE
#include "host/host_functions.def"
#undef SUBX_HOST_FUNCTION

#endif
