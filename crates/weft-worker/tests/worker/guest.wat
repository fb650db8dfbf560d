;; A guest by hand: exports weft:dag/tasks and does what the first letter of the
;; task's name says (see guest.rs beside this file).
(component
  (import "weft:dag/log@0.1.0" (instance $log
    (type $level' (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level')))
    (export "write" (func
      (param "level" $level) (param "message" string)
      (param "fields" (list (tuple string string)))))))
  (import "weft:dag/context@0.1.0" (instance $context
    (export "attempt" (func (result string)))
    (export "cancelled" (func (result bool)))))
  (import "weft:dag/variables@0.1.0" (instance $variables
    (type $error' (enum "denied" "not-found"))
    (export "error" (type $error (eq $error')))
    (export "get" (func (param "name" string) (result (result string (error $error)))))))

  (core module $memory
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (local.set $at (global.get $next))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (block $fits
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $fits (i32.ge_s (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1))) (i32.const 0)))
        unreachable)
      (local.get $at)))

  (core module $main
    (import "env" "memory" (memory 2))
    (import "env" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "env" "attempt" (func $attempt (param i32)))
    (import "env" "cancelled" (func $cancelled (result i32)))
    (import "env" "variable" (func $variable (param i32 i32 i32)))
    (data (i32.const 256) "{\22contract\22:\22weft.dag/1\22,\22dags\22:[]}")
    (data (i32.const 512) "the author's words")
    (data (i32.const 544) "{\22retry_after_ms\22:5}")
    (data (i32.const 600) "\22stopped\22")
    (data (i32.const 620) "a line")
    (data (i32.const 640) "\22denied\22")
    (data (i32.const 660) "\22not found\22")

    (func (export "describe") (result i32)
      (i32.store8 (i32.const 64) (i32.const 0))
      (i32.store (i32.const 68) (i32.const 256))
      (i32.store (i32.const 72) (i32.const 35))
      (i32.const 64))

    (func $answer (param $control i32) (param $at i32) (param $length i32) (result i32)
      (i32.store8 (i32.const 64) (i32.const 0))
      (i32.store8 (i32.const 68) (local.get $control))
      (i32.store (i32.const 72) (local.get $at))
      (i32.store (i32.const 76) (local.get $length))
      (i32.const 64))

    (func (export "run") (param $name i32) (param $length i32) (param $inputs i32) (param $count i32) (result i32)
      (local $task i32)
      (local.set $task (i32.load8_u (local.get $name)))
      ;; e: the first input's value is the output
      (if (i32.eq (local.get $task) (i32.const 101)) (then
        (return (call $answer (i32.const 0)
          (i32.load (i32.add (local.get $inputs) (i32.const 8)))
          (i32.load (i32.add (local.get $inputs) (i32.const 12)))))))
      ;; c: the first input's value is a control document
      (if (i32.eq (local.get $task) (i32.const 99)) (then
        (return (call $answer (i32.const 1)
          (i32.load (i32.add (local.get $inputs) (i32.const 8)))
          (i32.load (i32.add (local.get $inputs) (i32.const 12)))))))
      ;; f: the author's failure
      (if (i32.eq (local.get $task) (i32.const 102)) (then
        (i32.store8 (i32.const 64) (i32.const 1))
        (i32.store8 (i32.const 68) (i32.const 1))
        (i32.store (i32.const 72) (i32.const 512))
        (i32.store (i32.const 76) (i32.const 18))
        (i32.store8 (i32.const 80) (i32.const 1))
        (i32.store (i32.const 84) (i32.const 544))
        (i32.store (i32.const 88) (i32.const 20))
        (return (i32.const 64))))
      ;; l: an endless loop
      (if (i32.eq (local.get $task) (i32.const 108)) (then (loop $forever (br $forever))))
      ;; p: loops until it is asked to stop
      (if (i32.eq (local.get $task) (i32.const 112)) (then
        (loop $again (br_if $again (i32.eqz (call $cancelled))))
        (return (call $answer (i32.const 0) (i32.const 600) (i32.const 9)))))
      ;; w: writes ten log lines
      (if (i32.eq (local.get $task) (i32.const 119)) (then
        (local.set $count (i32.const 10))
        (loop $line
          (call $log (i32.const 2) (i32.const 620) (i32.const 6) (i32.const 0) (i32.const 0))
          (br_if $line (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
        (return (call $answer (i32.const 0) (i32.const 562) (i32.const 1)))))
      ;; a: what it is told of the attempt
      (if (i32.eq (local.get $task) (i32.const 97)) (then
        (call $attempt (i32.const 128))
        (return (call $answer (i32.const 0)
          (i32.load (i32.const 128)) (i32.load (i32.const 132))))))
      ;; v: reads the variable that the first input's value names, quotes and all left out;
      ;; the value has to be JSON
      (if (i32.eq (local.get $task) (i32.const 118)) (then
        (call $variable
          (i32.add (i32.load (i32.add (local.get $inputs) (i32.const 8))) (i32.const 1))
          (i32.sub (i32.load (i32.add (local.get $inputs) (i32.const 12))) (i32.const 2))
          (i32.const 128))
        (if (i32.eqz (i32.load8_u (i32.const 128))) (then
          (return (call $answer (i32.const 0)
            (i32.load (i32.const 132)) (i32.load (i32.const 136))))))
        (if (i32.eqz (i32.load8_u (i32.const 132))) (then
          (return (call $answer (i32.const 0) (i32.const 640) (i32.const 8)))))
        (return (call $answer (i32.const 0) (i32.const 660) (i32.const 11)))))
      unreachable))

  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $write (canon lower (func $log "write") (memory $mem)))
  (core func $attempt (canon lower (func $context "attempt") (memory $mem) (realloc $realloc)))
  (core func $cancelled (canon lower (func $context "cancelled")))
  (core func $variable (canon lower (func $variables "get") (memory $mem) (realloc $realloc)))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $mem))
    (export "log" (func $write))
    (export "attempt" (func $attempt))
    (export "cancelled" (func $cancelled))
    (export "variable" (func $variable))))))

  (type $outcome (variant (case "success" string) (case "control" string)))
  (type $failure (record (field "retryable" bool) (field "message" string) (field "more" (option string))))
  (func $describe (result (result string (error string)))
    (canon lift (core func $main "describe") (memory $mem)))

  (component $shim
    (type $outcome' (variant (case "success" string) (case "control" string)))
    (import "outcome" (type $outcome (eq $outcome')))
    (type $failure' (record (field "retryable" bool) (field "message" string) (field "more" (option string))))
    (import "failure" (type $failure (eq $failure')))
    (import "describe" (func $describe (result (result string (error string)))))
    (import "run" (func $run
      (param "task" string) (param "inputs" (list (tuple string string)))
      (result (result $outcome (error $failure)))))
    (export $outcome-out "outcome" (type $outcome))
    (export $failure-out "failure" (type $failure))
    (export "describe" (func $describe))
    (export "run" (func $run) (func
      (param "task" string) (param "inputs" (list (tuple string string)))
      (result (result $outcome-out (error $failure-out))))))

  (func $run (param "task" string) (param "inputs" (list (tuple string string)))
    (result (result $outcome (error $failure)))
    (canon lift (core func $main "run") (memory $mem) (realloc $realloc)))
  (instance $tasks (instantiate $shim
    (with "outcome" (type $outcome))
    (with "failure" (type $failure))
    (with "describe" (func $describe))
    (with "run" (func $run))))
  (export "weft:dag/tasks@0.1.0" (instance $tasks)))
