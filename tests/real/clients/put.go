// PUT of many bytes with Go's net/http, and what it makes of the answer: "403 AccessDenied", or the error.
// Arguments: URL, MiB, and "expect" to ask for 100 Continue.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

func main() {
	mebibytes, _ := strconv.ParseInt(os.Args[2], 10, 64)
	body := io.LimitReader(zeros{}, mebibytes<<20)
	request, err := http.NewRequest(http.MethodPut, os.Args[1], body)
	if err != nil {
		panic(err)
	}
	request.ContentLength = mebibytes << 20
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	if len(os.Args) > 3 {
		request.Header.Set("Expect", "100-continue")
	}
	answer, err := client.Do(request)
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	code := regexp.MustCompile("<Code>(.*?)</Code>").FindSubmatch(text)
	fmt.Printf("%d %s\n", answer.StatusCode, code[1])
}
