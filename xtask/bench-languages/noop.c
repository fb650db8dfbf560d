/* A task that does nothing, in C. */
#include <weft.h>

static weft_value *noop(const weft_value *inputs) {
    (void)inputs;
    return weft_new_null();
}

WEFT_DAGS {
    weft_dag("noop", NULL);
    weft_task("noop", noop, NULL);
}
