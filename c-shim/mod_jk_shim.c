#include "mod_jk_shim.h"

const command_rec jk_shim_commands[] = {
    { .name = NULL }
};
