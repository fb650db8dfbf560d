/* The contract's two halves: what a component exports (`describe`, `run`) and what it imports, in the
   component model's canonical ABI, by hand. */
#include "weft_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

typedef struct {
    const char *bytes;
    size_t length;
} string;

/* ---- imports ---- */

IMPORT("weft:dag/context@0.1.0", "attempt") void import_attempt(string *into);
typedef struct {
    uint8_t is_some;
    string text;
} string_option;
IMPORT("weft:dag/context@0.1.0", "resumed") void import_resumed(string_option *into);
IMPORT("weft:dag/context@0.1.0", "progress") void import_progress(double fraction, const char *message, size_t length);
IMPORT("weft:dag/context@0.1.0", "cancelled") int32_t import_cancelled(void);
IMPORT("weft:dag/log@0.1.0", "write")
void import_write(int32_t level, const char *message, size_t length, const void *fields, size_t count);

typedef struct {
    uint8_t is_error;
    string text; /* or the error */
} string_result;
IMPORT("weft:dag/variables@0.1.0", "get") void import_variable(const char *name, size_t length, string_result *into);

const weft_value *weft_attempt(void) {
    static weft_value *attempt;
    if (attempt == NULL) {
        string text;
        import_attempt(&text);
        attempt = weft_parse_bytes(text.bytes, text.length);
    }
    return attempt;
}

const weft_value *weft_resumed(void) {
    string_option state;
    import_resumed(&state);
    return state.is_some ? weft_parse_bytes(state.text.bytes, state.text.length) : NULL;
}

const weft_value *weft_woken(void) { return weft_member(weft_attempt(), "woken"); }

void weft_progress(double fraction, const char *message) { import_progress(fraction, message, strlen(message)); }
bool weft_cancelled(void) { return import_cancelled() != 0; }

const char *weft_variable(const char *name) {
    string_result result;
    import_variable(name, strlen(name), &result);
    if (result.is_error) return NULL;
    char *text = weft_memory(NULL, result.text.length + 1);
    memcpy(text, result.text.bytes, result.text.length);
    text[result.text.length] = 0;
    return text;
}

/* What printf makes of it. */
static string formatted(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return (string){"", 0};
    char *text = weft_memory(NULL, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    return (string){text, (size_t)length};
}

void weft_log(weft_level level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    string text = formatted(format, arguments);
    va_end(arguments);
    import_write((int32_t)level, text.bytes, text.length, NULL, 0);
}

/* ---- DAGs ---- */

typedef struct {
    const char *id;
    weft_function function;
} task;

static task *tasks;
static size_t task_count;
/* The document, up to the last task so far. */
static weft_buffer document;
static enum { NO_DAG, EMPTY_DAG, WITH_TASKS } stage;
/* The first mistake in WEFT_DAGS. */
static string mistake;

static void mistaken(const char *format, ...) {
    if (mistake.bytes != NULL) return;
    va_list arguments;
    va_start(arguments, format);
    mistake = formatted(format, arguments);
    va_end(arguments);
}

static void put(const char *text) { weft_put(&document, text, strlen(text)); }

/* The members of an object, without braces, and a comma before them. */
static void put_settings(const char *what, const char *id, const char *settings) {
    if (settings == NULL) return;
    weft_value *object = weft_parse(settings);
    if (weft_kind_of(object) != WEFT_OBJECT) {
        mistaken("the settings of the %s \"%s\" are no JSON object: %s", what, id, settings);
        return;
    }
    for (size_t i = 0; i < weft_length(object); i++) {
        const char *name = weft_name(object, i);
        put(",");
        weft_put_text(&document, name, strlen(name));
        put(":");
        weft_put_value(&document, weft_item(object, i));
    }
}

static void end_dag(void) {
    if (stage == WITH_TASKS) put("}}");
    if (stage == EMPTY_DAG) put(",\"tasks\":{}}");
}

void weft_dag(const char *id, const char *settings) {
    end_dag();
    put(stage == NO_DAG ? "{\"id\":" : ",{\"id\":");
    weft_put_text(&document, id, strlen(id));
    put_settings("DAG", id, settings);
    stage = EMPTY_DAG;
}

void weft_task(const char *id, weft_function function, const char *settings) {
    if (stage == NO_DAG) {
        mistaken("weft_task(\"%s\", ...) is called before the first weft_dag(...)", id);
        return;
    }
    put(stage == WITH_TASKS ? "," : ",\"tasks\":{");
    stage = WITH_TASKS;
    weft_put_text(&document, id, strlen(id));
    put(":{\"task\":");
    weft_put_text(&document, id, strlen(id));
    put_settings("task", id, settings);
    put("}");
    for (size_t i = 0; i < task_count; i++)
        if (strcmp(tasks[i].id, id) == 0 && tasks[i].function != function)
            mistaken("two functions are called \"%s\"", id);
    tasks = weft_memory(tasks, (task_count + 1) * sizeof *tasks);
    tasks[task_count++] = (task){id, function};
}

/* ---- endings ---- */

typedef enum { OUTPUT, FAILED, FAILED_FOR_GOOD, SKIPPED, DEFERRED, UPDATED } ending;

/* How the attempt ends; what a task returns says so only where it is this value. */
static ending end;
static string said;
static weft_value *end_mark;

static weft_value *ended(ending how, const char *format, va_list arguments) {
    said = formatted(format, arguments);
    end = how;
    return end_mark = weft_new_null();
}

weft_value *weft_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    weft_value *mark = ended(FAILED, format, arguments);
    va_end(arguments);
    return mark;
}

weft_value *weft_fail_for_good(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    weft_value *mark = ended(FAILED_FOR_GOOD, format, arguments);
    va_end(arguments);
    return mark;
}

weft_value *weft_skip(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    weft_value *mark = ended(SKIPPED, format, arguments);
    va_end(arguments);
    return mark;
}

/* The document is the output of an attempt that ends so. */
static weft_value *deferred(weft_value *document, const weft_value *state) {
    weft_set(document, "kind", weft_new_text("defer"));
    if (state != NULL) weft_set(document, "state", state);
    end = DEFERRED;
    return end_mark = document;
}

/* Rounded up: nothing is woken too early. */
static weft_value *milliseconds(double seconds) {
    double exact = seconds > 0 ? seconds * 1000 : 0;
    int64_t whole = (int64_t)exact;
    return weft_new_integer(whole < exact ? whole + 1 : whole);
}

weft_value *weft_defer_for(double seconds, const weft_value *state) {
    weft_value *document = weft_new_object();
    weft_set(document, "after_ms", milliseconds(seconds));
    return deferred(document, state);
}

/* Something other than a time, for so long at the longest. */
static weft_value *waiting(weft_value *document, double timeout_seconds, const weft_value *state) {
    if (timeout_seconds > 0) weft_set(document, "timeout_ms", milliseconds(timeout_seconds));
    return deferred(document, state);
}

static bool is_empty(const char *text) { return text == NULL || text[0] == 0; }

weft_value *weft_defer_until_event(const char *name, double timeout_seconds, const weft_value *state) {
    if (is_empty(name)) return weft_fail_for_good("weft_defer_until_event: an event has a name");
    weft_value *document = weft_new_object();
    weft_set(document, "event", weft_new_text(name));
    return waiting(document, timeout_seconds, state);
}

weft_value *weft_defer_until_run(const char *id, double timeout_seconds, const weft_value *state) {
    if (is_empty(id)) return weft_fail_for_good("weft_defer_until_run: a run has an id");
    weft_value *document = weft_new_object();
    weft_set(document, "run", weft_new_text(id));
    return waiting(document, timeout_seconds, state);
}

weft_value *weft_defer_until_dag(const char *dag, const char *date, double timeout_seconds, const weft_value *state) {
    if (is_empty(dag) || is_empty(date))
        return weft_fail_for_good("weft_defer_until_dag: it takes a DAG's id and a date");
    weft_value *document = weft_new_object();
    weft_set(document, "dag", weft_new_text(dag));
    weft_set(document, "logical_date", weft_new_text(date));
    return waiting(document, timeout_seconds, state);
}

/* A wait for a task of the run that the document names. */
static weft_value *waiting_for_task(weft_value *document, const char *task, double timeout_seconds,
                                    const weft_value *state) {
    weft_set(document, "task", weft_new_text(task));
    return waiting(document, timeout_seconds, state);
}

weft_value *weft_defer_until_run_task(const char *run, const char *task, double timeout_seconds,
                                      const weft_value *state) {
    if (is_empty(run) || is_empty(task))
        return weft_fail_for_good("weft_defer_until_run_task: it takes the ids of a run and a task");
    weft_value *document = weft_new_object();
    weft_set(document, "run", weft_new_text(run));
    return waiting_for_task(document, task, timeout_seconds, state);
}

weft_value *weft_defer_until_dag_task(const char *dag, const char *date, const char *task, double timeout_seconds,
                                      const weft_value *state) {
    if (is_empty(dag) || is_empty(date) || is_empty(task))
        return weft_fail_for_good("weft_defer_until_dag_task: it takes a DAG's id, a date and a task's id");
    weft_value *document = weft_new_object();
    weft_set(document, "dag", weft_new_text(dag));
    weft_set(document, "logical_date", weft_new_text(date));
    return waiting_for_task(document, task, timeout_seconds, state);
}

weft_value *weft_defer_until_asset(const char *asset, const char *partition, const char *since, double timeout_seconds,
                                   const weft_value *state) {
    if (is_empty(asset)) return weft_fail_for_good("weft_defer_until_asset: an asset has a name");
    weft_value *document = weft_new_object();
    weft_set(document, "asset", weft_new_text(asset));
    if (partition != NULL) weft_set(document, "partition", weft_new_text(partition));
    if (since != NULL) weft_set(document, "since", weft_new_text(since));
    return waiting(document, timeout_seconds, state);
}

static weft_value *calling(const char *dag, const weft_value *params, bool waits, double timeout_seconds,
                           const weft_value *state) {
    if (is_empty(dag)) return weft_fail_for_good("weft_call: it takes the id of a DAG");
    if (params != NULL && weft_kind_of(params) != WEFT_OBJECT)
        return weft_fail_for_good("weft_call: the parameters of %s are an object, not %s", dag, weft_print(params));
    weft_value *call = weft_new_object();
    weft_set(call, "dag", weft_new_text(dag));
    weft_set(call, "params", params != NULL ? params : weft_new_object());
    weft_set(call, "wait", weft_new_bool(waits));
    weft_value *document = weft_new_object();
    weft_set(document, "call", call);
    return waiting(document, timeout_seconds, state);
}

weft_value *weft_call(const char *dag, const weft_value *params, double timeout_seconds, const weft_value *state) {
    return calling(dag, params, true, timeout_seconds, state);
}

weft_value *weft_call_detached(const char *dag, const weft_value *params, const weft_value *state) {
    return calling(dag, params, false, 0, state);
}

weft_value *weft_ask(const weft_value *question, double timeout_seconds, const weft_value *state) {
    if (weft_kind_of(question) != WEFT_OBJECT || is_empty(weft_text(weft_member(question, "subject"))))
        return weft_fail_for_good("weft_ask: the question is an object with a \"subject\"");
    if (weft_member(question, "default") != NULL && timeout_seconds <= 0)
        return weft_fail_for_good("weft_ask: the default is the answer after the timeout: give one");
    weft_value *document = weft_new_object();
    weft_set(document, "approval", question);
    return waiting(document, timeout_seconds, state);
}

weft_value *weft_update(const weft_value *output, const weft_value *assets) {
    if (weft_kind_of(assets) != WEFT_LIST)
        return weft_fail_for_good("weft_update: the updates are a list of objects, each with an \"asset\"");
    for (size_t i = 0; i < weft_length(assets); i++)
        if (is_empty(weft_text(weft_member(weft_item(assets, i), "asset"))))
            return weft_fail_for_good("weft_update: an update is an object with an \"asset\", not %s",
                                      weft_print(weft_item(assets, i)));
    weft_value *document = weft_new_object();
    weft_set(document, "kind", weft_new_text("update"));
    weft_set(document, "assets", assets);
    weft_set(document, "output", output != NULL ? output : weft_new_null());
    end = UPDATED;
    return end_mark = document;
}

const weft_value *weft_succeeded(const weft_value *woken, weft_value **failure) {
    const char *run = weft_text(weft_member(woken, "run"));
    const char *dag = weft_text(weft_member(woken, "dag"));
    const char *task = weft_text(weft_member(woken, "task"));
    const char *state = weft_text(weft_member(woken, "state"));
    const weft_value *error = weft_member(woken, "error");
    *failure = NULL;
    if (strcmp(state, "success") == 0) {
        const weft_value *outputs = weft_member(woken, "outputs");
        return outputs != NULL ? outputs : weft_new_object();
    }
    if (error != NULL)
        *failure = weft_fail_for_good("the call was refused: %s (%s)", weft_text(weft_member(error, "message")),
                                      weft_text(weft_member(error, "code")));
    else if (weft_bool(weft_member(woken, "timeout")))
        *failure = weft_fail_for_good("the run did not end in time");
    else if (weft_bool(weft_member(woken, "command")))
        *failure = weft_fail_for_good("the task was resumed by a command, before the run ended");
    else if (state[0] == 0)
        *failure = weft_fail_for_good("the task was not woken by the end of a run");
    else if (task[0] != 0 && strcmp(state, "missing") == 0)
        *failure = weft_fail_for_good("there is no task %s%s%s%s%s", task, run[0] == 0 ? "" : " of run ", run,
                                      dag[0] == 0 ? "" : " of DAG ", dag);
    else if (strcmp(state, "missing") == 0)
        *failure = run[0] == 0 ? weft_fail_for_good("there is no DAG %s, so it has no run", dag)
                               : weft_fail_for_good("there is no run %s", run);
    else if (strcmp(state, "queued") == 0)
        *failure = weft_fail_for_good("run %s of DAG %s is still queued: a detached call does not wait for its end",
                                      run, dag);
    else
        *failure = weft_fail_for_good("%s%s%srun %s%s%s ended as %s", task[0] == 0 ? "" : "task ", task,
                                      task[0] == 0 ? "" : " of ", run, dag[0] == 0 ? "" : " of DAG ", dag, state);
    return NULL;
}

/* ---- exports ---- */

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
    (void)old_bytes, (void)align; /* malloc's alignment is enough for all there is. */
    return weft_memory(old, bytes);
}

static string whole(const weft_buffer *buffer) { return (string){buffer->bytes, buffer->length}; }

static string describe(bool *good) {
    weft_dags();
    end_dag();
    if (stage == NO_DAG) mistaken("WEFT_DAGS names no DAG");
    *good = mistake.bytes == NULL;
    if (!*good) return mistake;
    static const char head[] = "{\"contract\":\"weft.dag/1\",\"dags\":[";
    weft_buffer all = {0};
    weft_put(&all, head, sizeof head - 1);
    weft_put(&all, document.bytes, document.length);
    weft_put(&all, "]}", 2);
    return whole(&all);
}

EXPORT("weft:dag/tasks@0.1.0#describe") string_result *export_describe(void) {
    static string_result result;
    bool good;
    result.text = describe(&good);
    result.is_error = !good;
    fflush(NULL);
    return &result;
}

/* result<outcome, failure>; the two share their place, and the longer one gives its size. */
typedef struct {
    uint8_t is_error;
    union {
        struct {
            uint8_t is_control;
            string json;
        } outcome;
        struct {
            uint8_t retryable;
            string message;
            uint8_t has_more;
            string more;
        } failure;
    } is;
} run_result;

typedef struct {
    string name, json;
} input;

static void failed(run_result *result, bool retryable, string message) {
    result->is_error = true;
    result->is.failure.retryable = retryable;
    result->is.failure.message = message;
    result->is.failure.has_more = false;
}

static string printed(const weft_value *value) {
    weft_buffer text = {0};
    weft_put_value(&text, value);
    return whole(&text);
}

static void fill(run_result *result, const weft_value *output) {
    if (output == NULL || output != end_mark) end = OUTPUT;
    switch (end) {
    case FAILED:
    case FAILED_FOR_GOOD: failed(result, end == FAILED, said); return;
    case SKIPPED: {
        weft_buffer control = {0};
        weft_put(&control, "{\"kind\":\"skip\",\"reason\":", 24);
        weft_put_text(&control, said.bytes, said.length);
        weft_put(&control, "}", 1);
        result->is.outcome.is_control = true;
        result->is.outcome.json = whole(&control);
        return;
    }
    case DEFERRED:
    case UPDATED: result->is.outcome.is_control = true; /* fall through */
    case OUTPUT: result->is.outcome.json = printed(output);
    }
}

static const task *find(string name) {
    for (size_t i = 0; i < task_count; i++)
        if (strlen(tasks[i].id) == name.length && memcmp(tasks[i].id, name.bytes, name.length) == 0) return &tasks[i];
    return NULL;
}

static weft_value *read_inputs(const input *inputs, size_t count) {
    weft_value *object = weft_new_object();
    for (size_t i = 0; i < count; i++) {
        char *name = weft_memory(NULL, inputs[i].name.length + 1);
        memcpy(name, inputs[i].name.bytes, inputs[i].name.length);
        name[inputs[i].name.length] = 0;
        weft_set(object, name, weft_parse_bytes(inputs[i].json.bytes, inputs[i].json.length));
    }
    return object;
}

EXPORT("weft:dag/tasks@0.1.0#run")
run_result *export_run(const char *name, size_t length, const input *inputs, size_t count) {
    static run_result result;
    weft_dags();
    const task *found = find((string){name, length});
    if (found == NULL) {
        static const char message[] = "there is no task of this name in the component";
        failed(&result, false, (string){message, sizeof message - 1});
    } else {
        fill(&result, found->function(read_inputs(inputs, count)));
    }
    fflush(NULL);
    return &result;
}
