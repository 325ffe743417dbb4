/* The baseline of the machine the package was built for, without FMA: SSE2 on x86-64. */
#include "operations.h"

const sx_kernels sx_kernels_generic = SX_OPERATIONS("generic");
