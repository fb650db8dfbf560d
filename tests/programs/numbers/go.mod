module numbers

go 1.27
