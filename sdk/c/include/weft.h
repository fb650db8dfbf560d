/* Weft's SDK for C and C++: tasks are functions from a JSON object to a JSON value.
 *
 *     #include <weft.h>
 *
 *     static weft_value *total(const weft_value *inputs) {
 *         const weft_value *numbers = weft_member(inputs, "numbers");
 *         double sum = 0;
 *         for (size_t i = 0; i < weft_length(numbers); i++) sum += weft_number(weft_item(numbers, i));
 *         return weft_new_number(sum);
 *     }
 *
 *     WEFT_DAGS {
 *         weft_dag("totals", NULL);
 *         weft_task("total", total, WEFT_JSON({"inputs": {"numbers": {"value": [1, 2, 3]}}}));
 *     }
 *
 * Every attempt has a fresh instance, which is thrown away with all its memory: values are never
 * freed, and nothing of one attempt is seen by the next. No function here is for threads; there are none.
 */
#ifndef WEFT_H
#define WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values ---- */

typedef struct weft_value weft_value;

typedef enum { WEFT_NULL, WEFT_BOOL, WEFT_NUMBER, WEFT_TEXT, WEFT_LIST, WEFT_OBJECT } weft_kind;

/* What is read of a value of another kind, or of NULL, is nothing: false, 0, "", no item. A task that
   must know asks for the kind first. */
weft_kind weft_kind_of(const weft_value *value);
bool weft_bool(const weft_value *value);
double weft_number(const weft_value *value);
int64_t weft_integer(const weft_value *value);
/* In UTF-8, and ended by a zero. */
const char *weft_text(const weft_value *value);
/* How many items a list has, members an object, bytes a text. */
size_t weft_length(const weft_value *value);
/* NULL where there is none. */
const weft_value *weft_item(const weft_value *list, size_t index);
const weft_value *weft_member(const weft_value *object, const char *name);
/* The name of an object's member by its position. */
const char *weft_name(const weft_value *object, size_t index);

weft_value *weft_new_null(void);
weft_value *weft_new_bool(bool value);
weft_value *weft_new_number(double value);
weft_value *weft_new_integer(int64_t value);
/* Copies the text, which must be UTF-8. */
weft_value *weft_new_text(const char *text);
weft_value *weft_new_list(void);
weft_value *weft_new_object(void);
void weft_append(weft_value *list, const weft_value *item);
/* Adds a member; the name is copied. */
void weft_set(weft_value *object, const char *name, const weft_value *value);
/* NULL where the text is no JSON. */
weft_value *weft_parse(const char *json);
/* As one line of JSON. */
const char *weft_print(const weft_value *value);

/* ---- tasks ---- */

/* One attempt: inputs by name; what is returned is the output. NULL is an output of null. */
typedef weft_value *(*weft_function)(const weft_value *inputs);

/* Ends of another kind, to be returned by a task. Formats are printf's. */
weft_value *weft_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
weft_value *weft_fail_for_good(const char *format, ...) __attribute__((format(printf, 1, 2)));
weft_value *weft_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Succeeds with an output, NULL for null, and says what consumers of the task's assets should know, to be returned as
   well. `assets` is a list of objects with "asset", one of the "outlets" of the task's settings, and maybe "partition" (a
   text) and "metadata" (an object). Outlets that it does not name are updated as well. */
weft_value *weft_update(const weft_value *output, const weft_value *assets);

/* Ends that are woken later, to be returned as well: the attempt ends and holds no worker, and another one gets
   `state`, which may be NULL, by weft_resumed. */
weft_value *weft_defer_for(double seconds, const weft_value *state);
/* Until an event of this name is sent to the run, or for so long at the longest; without end if that is 0. */
weft_value *weft_defer_until_event(const char *name, double timeout_seconds, const weft_value *state);
/* Until the end of the run of this id, or of the scheduled or backfilled run of a DAG for a date such as
   "2026-11-01T00:00:00Z", which is written as weft_attempt's "logical_date". */
weft_value *weft_defer_until_run(const char *id, double timeout_seconds, const weft_value *state);
weft_value *weft_defer_until_dag(const char *dag, const char *date, double timeout_seconds, const weft_value *state);
/* The same of a task of that run: until all its instances have ended, or the run has. */
weft_value *weft_defer_until_run_task(const char *run, const char *task, double timeout_seconds,
                                      const weft_value *state);
weft_value *weft_defer_until_dag_task(const char *dag, const char *date, const char *task, double timeout_seconds,
                                      const weft_value *state);
/* Until an asset is updated: its partition, or any part of it where that is NULL. Updates before `since`, such as
   "2026-11-01T00:00:00Z", don't count, and one at or after it that is there already wakes the task at once. With NULL,
   updates before the attempt started don't count. */
weft_value *weft_defer_until_asset(const char *asset, const char *partition, const char *since, double timeout_seconds,
                                   const weft_value *state);
/* Creates a run of another DAG, once, however often the task is retried, and waits for its end. `params` is an object,
   or NULL. The task's settings have {"grants": {"dags": [dag]}}. */
weft_value *weft_call(const char *dag, const weft_value *params, double timeout_seconds, const weft_value *state);
/* The same, but the task goes on at once, and the run by itself. */
weft_value *weft_call_detached(const char *dag, const weft_value *params, const weft_value *state);
/* Asks people, and waits for the answer. `question` is an object with "subject", the question in a line, and maybe
   "body" (Markdown), "options" (a list; approve and reject without it), "default" (the option that counts after the
   timeout), "form" (the JSON Schema of an object) and "approvers" (names of tokens). */
weft_value *weft_ask(const weft_value *question, double timeout_seconds, const weft_value *state);

/* ---- DAGs ---- */

/* Follows the program's DAGs: WEFT_DAGS { weft_dag(...); weft_task(...); ... } */
#ifdef __cplusplus
#define WEFT_DAGS extern "C" void weft_dags(void)
#else
#define WEFT_DAGS void weft_dags(void)
#endif
void weft_dags(void);

/* JSON as it is, without quotes around it. */
#define WEFT_JSON(...) #__VA_ARGS__

/* Begins a DAG. `settings` is a JSON object with the fields of a DAG (schedule, params, ...), or NULL. */
void weft_dag(const char *id, const char *settings);
/* Adds a task to it: fields of a task (inputs, retries, types, ...), or NULL. The same fields as in a dag.toml. */
void weft_task(const char *id, weft_function function, const char *settings);

/* ---- what a running task may ask and tell ---- */

typedef enum { WEFT_TRACE, WEFT_DEBUG, WEFT_INFO, WEFT_WARN, WEFT_ERROR } weft_level;

/* A line of the task's log. Standard output and error get there too. */
void weft_log(weft_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The attempt: run, logical date, number, parameters, idempotency key, ... */
const weft_value *weft_attempt(void);
/* The state that a deferral left; NULL in an attempt that none came before. */
const weft_value *weft_resumed(void);
/* What ended the wait of weft_defer_until_event and the functions after it, as an object. It has "event" and "payload";
   or "run", "dag", "state" and, of a called run, "outputs" of its last tasks by name; or "run", "dag", "task" and
   "state" of a task; or "update" with "asset", "partition", "metadata", "at" and "run" of an asset; or "error" with
   "code" and "message" where the call was refused; or "timeout": true; or "command": true where somebody resumed the
   task. Of an answer it has "approval": "option", "comment", "fields", "by" and "at". NULL in any other attempt. */
const weft_value *weft_woken(void);
/* The outputs of a run that succeeded, an empty object of a task or of a run that was not called. NULL where the run or
   the task did not succeed, the run was not created, or the end did not come in time: then *failure is the end of the
   attempt that says so, to be returned. */
const weft_value *weft_succeeded(const weft_value *woken, weft_value **failure);
/* From 0 to 1, shown to users who watch the run. */
void weft_progress(double fraction, const char *message);
/* True once the attempt has been asked to stop. */
bool weft_cancelled(void);
/* A variable that was granted; NULL where it was not, or isn't there. */
const char *weft_variable(const char *name);

#ifdef __cplusplus
}
#endif
#endif
