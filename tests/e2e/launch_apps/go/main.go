package main

import (
	"bufio"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		bufio.NewReader(client).ReadString('\n')
		client.Write([]byte("HTTP/1.0 200 OK\r\n\r\nhello from go\n"))
		client.Close()
	}
}
