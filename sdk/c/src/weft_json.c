/* JSON values: reading, writing, building. Numbers are doubles, and whole ones are kept whole. */
#include "weft_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weft's own documents are no deeper. */
enum { DEPTH_AT_MOST = 64, NUMBER_ROOM = 32, FIRST_ROOM = 8 };

struct weft_value {
    weft_kind kind;
    bool whole;
    double number;
    int64_t integer; /* where `whole` */
    char *text;
    size_t length, room;
    const weft_value **items; /* of a list, or an object's values */
    char **names;             /* of an object */
};

void *weft_memory(void *old, size_t bytes) {
    void *memory = realloc(old, bytes == 0 ? 1 : bytes);
    if (memory == NULL) {
        fputs("there is no memory left\n", stderr);
        abort();
    }
    return memory;
}

static weft_value *value_of(weft_kind kind) {
    weft_value *value = weft_memory(NULL, sizeof *value);
    memset(value, 0, sizeof *value);
    value->kind = kind;
    return value;
}

static weft_value *text_of(const char *bytes, size_t length) {
    weft_value *value = value_of(WEFT_TEXT);
    value->text = weft_memory(NULL, length + 1);
    memcpy(value->text, bytes, length);
    value->text[length] = 0;
    value->length = length;
    return value;
}

static void add(weft_value *value, char *name, const weft_value *item) {
    if (value->length == value->room) {
        value->room = value->room == 0 ? FIRST_ROOM : value->room * 2;
        value->items = weft_memory(value->items, value->room * sizeof *value->items);
        if (value->kind == WEFT_OBJECT) value->names = weft_memory(value->names, value->room * sizeof *value->names);
    }
    if (value->kind == WEFT_OBJECT) value->names[value->length] = name;
    value->items[value->length++] = item;
}

weft_value *weft_new_null(void) { return value_of(WEFT_NULL); }

weft_value *weft_new_bool(bool truth) {
    weft_value *value = value_of(WEFT_BOOL);
    value->number = truth;
    return value;
}

weft_value *weft_new_number(double number) {
    weft_value *value = value_of(WEFT_NUMBER);
    value->number = number;
    return value;
}

weft_value *weft_new_integer(int64_t integer) {
    weft_value *value = weft_new_number((double)integer);
    value->whole = true;
    value->integer = integer;
    return value;
}

weft_value *weft_new_text(const char *text) { return text_of(text, strlen(text)); }
weft_value *weft_new_list(void) { return value_of(WEFT_LIST); }
weft_value *weft_new_object(void) { return value_of(WEFT_OBJECT); }

void weft_append(weft_value *list, const weft_value *item) {
    if (list->kind == WEFT_LIST) add(list, NULL, item);
}

void weft_set(weft_value *object, const char *name, const weft_value *value) {
    if (object->kind == WEFT_OBJECT) add(object, text_of(name, strlen(name))->text, value);
}

weft_kind weft_kind_of(const weft_value *value) { return value == NULL ? WEFT_NULL : value->kind; }
bool weft_bool(const weft_value *value) { return weft_kind_of(value) == WEFT_BOOL && value->number != 0; }
double weft_number(const weft_value *value) { return weft_kind_of(value) == WEFT_NUMBER ? value->number : 0; }

int64_t weft_integer(const weft_value *value) {
    /* The first double that is too large. */
    const double beyond = 9223372036854775808.0;
    if (weft_kind_of(value) != WEFT_NUMBER) return 0;
    if (value->whole) return value->integer;
    return value->number >= -beyond && value->number < beyond ? (int64_t)value->number : 0;
}

const char *weft_text(const weft_value *value) { return weft_kind_of(value) == WEFT_TEXT ? value->text : ""; }
size_t weft_length(const weft_value *value) { return value == NULL ? 0 : value->length; }

const weft_value *weft_item(const weft_value *list, size_t index) {
    return weft_kind_of(list) >= WEFT_LIST && index < list->length ? list->items[index] : NULL;
}

const char *weft_name(const weft_value *object, size_t index) {
    return weft_kind_of(object) == WEFT_OBJECT && index < object->length ? object->names[index] : "";
}

const weft_value *weft_member(const weft_value *object, const char *name) {
    for (size_t i = 0; weft_kind_of(object) == WEFT_OBJECT && i < object->length; i++)
        if (strcmp(object->names[i], name) == 0) return object->items[i];
    return NULL;
}

/* ---- reading ---- */

typedef struct {
    const char *at, *end;
    int depth;
} reader;

static weft_value *read_value(reader *in);

static void skip_space(reader *in) {
    while (in->at < in->end && strchr(" \t\r\n", *in->at) != NULL && *in->at != 0) in->at++;
}

static bool take(reader *in, char c) {
    skip_space(in);
    if (in->at >= in->end || *in->at != c) return false;
    in->at++;
    return true;
}

static bool take_word(reader *in, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0) return false;
    in->at += length;
    return true;
}

static bool read_hex(reader *in, unsigned *code) {
    *code = 0;
    for (int digit = 0; digit < 4; digit++, in->at++) {
        if (in->at >= in->end) return false;
        char c = *in->at;
        unsigned value = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a') + 10 : 16;
        if (value == 16) return false;
        *code = *code * 16 + value;
    }
    return true;
}

static void put_code(weft_buffer *text, unsigned code) {
    char bytes[4];
    size_t length;
    if (code < 0x80) {
        bytes[0] = (char)code, length = 1;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6), bytes[1] = (char)(0x80 | (code & 0x3f)), length = 2;
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12), bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (code & 0x3f)), length = 3;
    } else {
        bytes[0] = (char)(0xf0 | code >> 18), bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (code >> 6 & 0x3f)), bytes[3] = (char)(0x80 | (code & 0x3f)), length = 4;
    }
    weft_put(text, bytes, length);
}

/* What follows a backslash. */
static bool read_escape(reader *in, weft_buffer *text) {
    static const char names[] = "\"\\/bfnrt", decoded[] = "\"\\/\b\f\n\r\t";
    if (in->at >= in->end) return false;
    char c = *in->at++;
    if (c != 'u') {
        const char *known = c == 0 ? NULL : strchr(names, c);
        if (known == NULL) return false;
        weft_put(text, decoded + (known - names), 1);
        return true;
    }
    unsigned code, low;
    if (!read_hex(in, &code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take_word(in, "\\u") || !read_hex(in, &low) || low < 0xdc00 || low > 0xdfff) return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return false;
    }
    put_code(text, code);
    return true;
}

static weft_value *read_text(reader *in) {
    weft_buffer text = {0};
    if (!take(in, '"')) return NULL;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '\\') {
            in->at++;
            if (!read_escape(in, &text)) return NULL;
        } else {
            weft_put(&text, in->at++, 1);
        }
    }
    return take(in, '"') ? text_of(text.length == 0 ? "" : text.bytes, text.length) : NULL;
}

static weft_value *read_number(reader *in) {
    char digits[NUMBER_ROOM * 12];
    size_t length = 0;
    bool whole = true;
    while (in->at < in->end && length + 1 < sizeof digits && *in->at != 0 && strchr("+-.eE0123456789", *in->at) != NULL) {
        whole = whole && strchr(".eE", *in->at) == NULL;
        digits[length++] = *in->at++;
    }
    digits[length] = 0;
    char *end;
    double number = strtod(digits, &end);
    if (length == 0 || *end != 0) return NULL;
    /* Beyond it whole numbers are not all doubles, nor all texts of them int64_t. */
    enum { SAFE_DIGITS = 18 };
    return whole && length <= SAFE_DIGITS ? weft_new_integer(strtoll(digits, NULL, 10)) : weft_new_number(number);
}

static weft_value *read_items(reader *in, weft_kind kind, char close) {
    weft_value *value = value_of(kind);
    if (take(in, close)) return value;
    do {
        weft_value *name = NULL;
        if (kind == WEFT_OBJECT && ((name = read_text(in)) == NULL || !take(in, ':'))) return NULL;
        weft_value *item = read_value(in);
        if (item == NULL) return NULL;
        add(value, name == NULL ? NULL : name->text, item);
    } while (take(in, ','));
    return take(in, close) ? value : NULL;
}

static weft_value *read_value(reader *in) {
    skip_space(in);
    if (in->at >= in->end || in->depth >= DEPTH_AT_MOST) return NULL;
    weft_value *value = NULL;
    in->depth++;
    switch (*in->at) {
    case '{': in->at++, value = read_items(in, WEFT_OBJECT, '}'); break;
    case '[': in->at++, value = read_items(in, WEFT_LIST, ']'); break;
    case '"': value = read_text(in); break;
    case 't': value = take_word(in, "true") ? weft_new_bool(true) : NULL; break;
    case 'f': value = take_word(in, "false") ? weft_new_bool(false) : NULL; break;
    case 'n': value = take_word(in, "null") ? weft_new_null() : NULL; break;
    default: value = read_number(in);
    }
    in->depth--;
    return value;
}

weft_value *weft_parse_bytes(const char *json, size_t length) {
    reader in = {json, json + length, 0};
    weft_value *value = read_value(&in);
    skip_space(&in);
    return in.at == in.end ? value : NULL;
}

weft_value *weft_parse(const char *json) { return weft_parse_bytes(json, strlen(json)); }

/* ---- writing ---- */

void weft_put(weft_buffer *buffer, const char *bytes, size_t length) {
    if (buffer->length + length > buffer->room) {
        buffer->room = (buffer->length + length) * 2;
        buffer->bytes = weft_memory(buffer->bytes, buffer->room);
    }
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void weft_put_text(weft_buffer *buffer, const char *text, size_t length) {
    weft_put(buffer, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        char escaped[8];
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            escaped[0] = '\\', escaped[1] = (char)c;
            weft_put(buffer, escaped, 2);
        } else if (c < ' ') {
            weft_put(buffer, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", c));
        } else {
            weft_put(buffer, text + i, 1);
        }
    }
    weft_put(buffer, "\"", 1);
}

static void put_number(weft_buffer *buffer, const weft_value *value) {
    char digits[NUMBER_ROOM];
    int length;
    if (value->whole) {
        length = snprintf(digits, sizeof digits, "%lld", (long long)value->integer);
    } else if (!isfinite(value->number)) {
        /* JSON has no other word for what is no number. */
        length = snprintf(digits, sizeof digits, "null");
    } else {
        /* The fewest digits that read back as the same number. */
        for (int precision = 15; precision <= 17; precision++) {
            length = snprintf(digits, sizeof digits, "%.*g", precision, value->number);
            if (strtod(digits, NULL) == value->number) break;
        }
    }
    weft_put(buffer, digits, (size_t)length);
}

void weft_put_value(weft_buffer *buffer, const weft_value *value) {
    switch (weft_kind_of(value)) {
    case WEFT_NULL: weft_put(buffer, "null", 4); break;
    case WEFT_BOOL: weft_bool(value) ? weft_put(buffer, "true", 4) : weft_put(buffer, "false", 5); break;
    case WEFT_NUMBER: put_number(buffer, value); break;
    case WEFT_TEXT: weft_put_text(buffer, value->text, value->length); break;
    case WEFT_LIST:
    case WEFT_OBJECT:
        weft_put(buffer, value->kind == WEFT_LIST ? "[" : "{", 1);
        for (size_t i = 0; i < value->length; i++) {
            if (i > 0) weft_put(buffer, ",", 1);
            if (value->kind == WEFT_OBJECT) {
                weft_put_text(buffer, value->names[i], strlen(value->names[i]));
                weft_put(buffer, ":", 1);
            }
            weft_put_value(buffer, value->items[i]);
        }
        weft_put(buffer, value->kind == WEFT_LIST ? "]" : "}", 1);
    }
}

const char *weft_print(const weft_value *value) {
    weft_buffer text = {0};
    weft_put_value(&text, value);
    weft_put(&text, "", 1);
    return text.bytes;
}
