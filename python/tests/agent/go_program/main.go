package main

import "os"

type Cart struct{ items int }

//go:noinline
func (c *Cart) Add(n int) { c.items += n }

//go:noinline
func total(c *Cart) int { return c.items * 3 }

func main() {
	c := &Cart{}
	c.Add(len(os.Args))
	println(total(c))
}
