module example.com/my-bus-driver

go 1.22
