module noop.example/dags

go 1.24
