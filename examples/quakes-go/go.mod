module quakes.example/dags

go 1.24

require quakes.example/data v0.0.0

replace quakes.example/data => ../quakes/data
