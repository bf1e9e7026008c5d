// minio-go, and again with trailing checksums. The door and what is printed: ../case.py.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

var (
	bucket = os.Getenv("S3_BUCKET")
	large  []byte
	small  []byte
	ctx    = context.Background()
	wire   = &http.Transport{}
)

const (
	odd  = "dir x+y=1/é ~*'().txt"
	part = 5 << 20
)

func main() {
	large = must(os.ReadFile(os.Getenv("S3_FILE")))
	small = large[:1024]
	if ca := os.Getenv("S3_CA"); ca != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(must(os.ReadFile(ca)))
		wire.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	plain, trailing := connect(false), connect(true)
	options := minio.PutObjectOptions{}
	tell("put-empty", func() { put(plain, "empty", nil, options) })
	tell("put-small", func() { put(plain, "small", small, options) })
	tell("put-bytes", func() { put(plain, "bytes", large, minio.PutObjectOptions{DisableMultipart: true}) })
	tell("put-file", func() {
		must(plain.FPutObject(ctx, bucket, "file", os.Getenv("S3_FILE"), options))
		same(get(plain, "file", minio.GetObjectOptions{}), large)
	})
	tell("put-stream", func() {
		stream := struct{ io.Reader }{bytes.NewReader(large)}
		must(plain.PutObject(ctx, bucket, "stream", stream, -1, minio.PutObjectOptions{PartSize: part}))
		same(get(plain, "stream", minio.GetObjectOptions{}), large)
	})
	tell("multipart", func() { put(plain, "multipart", large, minio.PutObjectOptions{PartSize: part}) })
	tell("trailing", func() {
		put(trailing, "trailing small", small, options)
		put(trailing, "trailing", large, minio.PutObjectOptions{PartSize: part})
	})
	tell("get", func() { same(get(plain, "bytes", minio.GetObjectOptions{}), large) })
	tell("ranges", func() {
		wanted := minio.GetObjectOptions{}
		check(wanted.SetRange(70000, 139999) == nil, "no range")
		same(get(plain, "bytes", wanted), large[70000:140000])
	})
	tell("list", func() {
		keys := []string{}
		for one := range plain.ListObjects(ctx, os.Getenv("S3_LISTING"), minio.ListObjectsOptions{Recursive: true}) {
			check(one.Err == nil, fmt.Sprint(one.Err))
			keys = append(keys, one.Key)
		}
		digest := sha256.Sum256([]byte(strings.Join(keys, "\n")))
		check(hex.EncodeToString(digest[:]) == os.Getenv("S3_LISTED"), fmt.Sprintf("%d other keys", len(keys)))
	})
	tell("copy", func() {
		put(plain, odd, small, options)
		from, to := minio.CopySrcOptions{Bucket: bucket, Object: odd}, minio.CopyDestOptions{Bucket: bucket, Object: "copy"}
		must(plain.CopyObject(ctx, to, from))
		same(get(plain, "copy", minio.GetObjectOptions{}), small)
	})
	tell("delete-many", func() {
		keys := make(chan minio.ObjectInfo, 10)
		for i := range 10 {
			key := fmt.Sprintf("many/%d é+", i)
			put(plain, key, small, options)
			keys <- minio.ObjectInfo{Key: key}
		}
		close(keys)
		for failed := range plain.RemoveObjects(ctx, bucket, keys, minio.RemoveObjectsOptions{}) {
			check(false, fmt.Sprint(failed))
		}
	})
	tell("presign-get", func() {
		where := must(plain.PresignedGetObject(ctx, bucket, odd, time.Minute, nil))
		same(fetch("GET", where.String(), nil), small)
	})
	tell("presign-put", func() {
		fetch("PUT", must(plain.PresignedPutObject(ctx, bucket, "signed", time.Minute)).String(), small)
		same(get(plain, "signed", minio.GetObjectOptions{}), small)
	})
	tell("if-none-match", func() {
		once := minio.PutObjectOptions{}
		once.SetMatchETagExcept("*")
		put(plain, "once", small, once)
		_, err := plain.PutObject(ctx, bucket, "once", bytes.NewReader(small), int64(len(small)), once)
		check(err != nil && minio.ToErrorResponse(err).Code == "PreconditionFailed", fmt.Sprint(err))
	})
	tell("checksums", func() {
		for _, kind := range []minio.ChecksumType{
			minio.ChecksumCRC32, minio.ChecksumCRC32C, minio.ChecksumSHA1, minio.ChecksumSHA256, minio.ChecksumCRC64NVME} {
			put(trailing, kind.String(), small, minio.PutObjectOptions{Checksum: kind})
		}
	})
	tell("metadata", func() {
		put(plain, "metadata", small, minio.PutObjectOptions{UserMetadata: map[string]string{"A": "b c"}})
		found := must(plain.StatObject(ctx, bucket, "metadata", minio.StatObjectOptions{}))
		check(found.UserMetadata["A"] == "b c", fmt.Sprint(found.UserMetadata))
	})
}

func connect(trailing bool) *minio.Client {
	_, host, _ := strings.Cut(os.Getenv("S3_ENDPOINT"), "://")
	return must(minio.New(host, &minio.Options{
		Creds:           credentials.NewStaticV4(os.Getenv("S3_KEY"), os.Getenv("S3_SECRET"), ""),
		Region:          os.Getenv("S3_REGION"),
		Secure:          os.Getenv("S3_CA") != "",
		Transport:       wire,
		TrailingHeaders: trailing,
		MaxRetries:      1,
	}))
}

func put(client *minio.Client, key string, data []byte, options minio.PutObjectOptions) {
	must(client.PutObject(ctx, bucket, key, bytes.NewReader(data), int64(len(data)), options))
	same(get(client, key, minio.GetObjectOptions{}), data)
}

func get(client *minio.Client, key string, options minio.GetObjectOptions) []byte {
	object := must(client.GetObject(ctx, bucket, key, options))
	defer object.Close()
	return must(io.ReadAll(object))
}

func fetch(method, where string, body []byte) []byte {
	request := must(http.NewRequest(method, where, bytes.NewReader(body)))
	answer := must((&http.Client{Transport: wire}).Do(request))
	defer answer.Body.Close()
	data := must(io.ReadAll(answer.Body))
	check(answer.StatusCode == http.StatusOK, fmt.Sprint(answer.StatusCode, string(data)))
	return data
}

func same(found, expected []byte) {
	check(bytes.Equal(found, expected), fmt.Sprintf("read %d bytes, not the %d written", len(found), len(expected)))
}

func check(fine bool, what string) {
	if !fine {
		panic(errors.New(what))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func tell(name string, body func()) {
	wanted := os.Getenv("S3_CASES")
	if wanted != "" && !slices.Contains(strings.Split(wanted, ","), name) {
		return
	}
	told := map[string]string{"case": name}
	defer func() {
		if failed := recover(); failed != nil {
			told["error"] = fmt.Sprint(failed)
		}
		fmt.Println(string(must(json.Marshal(told))))
	}()
	body()
}
