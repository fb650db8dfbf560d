module quakes.example/data

go 1.24
