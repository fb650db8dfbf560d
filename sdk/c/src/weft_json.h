/* What the SDK's own parts know of values beyond the public header. */
#ifndef WEFT_JSON_H
#define WEFT_JSON_H

#include "weft.h"

/* Memory that lasts as long as the instance. Ends the program where there is none. */
void *weft_memory(void *old, size_t bytes);

/* A text that grows. */
typedef struct {
    char *bytes;
    size_t length, room;
} weft_buffer;

void weft_put(weft_buffer *buffer, const char *bytes, size_t length);
void weft_put_value(weft_buffer *buffer, const weft_value *value);
void weft_put_text(weft_buffer *buffer, const char *text, size_t length);
weft_value *weft_parse_bytes(const char *json, size_t length);

#endif
