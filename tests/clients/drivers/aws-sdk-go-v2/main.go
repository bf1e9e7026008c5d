// AWS SDK for Go 2 in its default configuration. The door and what is printed: ../case.py.
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
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var (
	bucket  = os.Getenv("S3_BUCKET")
	large   []byte
	small   []byte
	client  *s3.Client
	browser = http.DefaultClient
	ctx     = context.Background()
)

const (
	odd  = "dir x+y=1/é ~*'().txt"
	part = 5 << 20
)

func main() {
	large = must(os.ReadFile(os.Getenv("S3_FILE")))
	small = large[:1024]
	connect()
	if os.Getenv("S3_CASES") == "speed" {
		speed()
		return
	}
	tell("put-empty", func() { put("empty", nil) })
	tell("put-small", func() { put("small", small) })
	tell("put-small 2 MB", func() { put("medium", large[:2_000_000]) })
	tell("put-bytes", func() { put("bytes", large) })
	tell("put-file", func() {
		file := must(os.Open(os.Getenv("S3_FILE")))
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("file"), Body: file}))
		same(get("file", nil), large)
	})
	tell("put-stream", func() {
		stream := struct{ io.Reader }{bytes.NewReader(large)}
		uploader := manager.NewUploader(client)
		must(uploader.Upload(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("stream"), Body: stream}))
		same(get("stream", nil), large)
	})
	tell("multipart", func() { multipart("multipart", large, part) })
	tell("part of 32 MiB", func() {
		multipart("large part", bytes.Repeat([]byte("0123456789abcdef"), 32<<16), 32<<20)
	})
	tell("get", func() { same(get("multipart", nil), large) })
	tell("ranges", func() { same(get("multipart", aws.String("bytes=70000-139999")), large[70000:140000]) })
	tell("list", list)
	tell("copy", func() {
		put(odd, small)
		source := strings.ReplaceAll(url.QueryEscape(bucket+"/"+odd), "+", "%20")
		must(client.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("copy"), CopySource: &source}))
		same(get("copy", nil), small)
	})
	tell("delete-many", func() {
		objects := []types.ObjectIdentifier{}
		for i := range 10 {
			key := fmt.Sprintf("many/%d é+", i)
			put(key, small)
			objects = append(objects, types.ObjectIdentifier{Key: &key})
		}
		done := must(client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &bucket, Delete: &types.Delete{Objects: objects}}))
		check(len(done.Deleted) == 10, "not all were deleted")
	})
	tell("presign-get", func() {
		signed := must(s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{
			Bucket: &bucket, Key: aws.String(odd)}))
		same(fetch("GET", signed.URL, nil), small)
	})
	tell("presign-put", func() {
		signed := must(s3.NewPresignClient(client).PresignPutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("signed")}))
		fetch("PUT", signed.URL, small)
		same(get("signed", nil), small)
	})
	tell("if-none-match", func() {
		once := func() error {
			_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("once"),
				Body: bytes.NewReader(small), IfNoneMatch: aws.String("*")})
			return err
		}
		check(once() == nil, "was refused")
		err := once()
		check(err != nil && strings.Contains(err.Error(), "PreconditionFailed"), fmt.Sprint(err))
	})
	tell("checksums", func() {
		for _, algorithm := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"} {
			must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(string(algorithm)),
				Body: bytes.NewReader(small), ChecksumAlgorithm: algorithm}))
			same(get(string(algorithm), nil), small)
		}
	})
	tell("metadata", func() {
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("metadata"),
			Body: bytes.NewReader(small), Metadata: map[string]string{"a": "b c"}}))
		head := must(client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("metadata")}))
		check(head.Metadata["a"] == "b c", fmt.Sprint(head.Metadata))
	})
}

func connect() {
	transport := &http.Transport{}
	if ca := os.Getenv("S3_CA"); ca != "" {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(must(os.ReadFile(ca)))
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	browser = &http.Client{Transport: transport}
	client = s3.New(s3.Options{
		BaseEndpoint:     aws.String(os.Getenv("S3_ENDPOINT")),
		Region:           os.Getenv("S3_REGION"),
		Credentials:      credentials.NewStaticCredentialsProvider(os.Getenv("S3_KEY"), os.Getenv("S3_SECRET"), ""),
		UsePathStyle:     true,
		HTTPClient:       browser,
		RetryMaxAttempts: 1,
		// as config.LoadDefaultConfig has it
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}

func put(key string, data []byte) {
	must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)}))
	same(get(key, nil), data)
}

func get(key string, wanted *string) []byte {
	answer := must(client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: wanted}))
	defer answer.Body.Close()
	return must(io.ReadAll(answer.Body))
}

func multipart(key string, data []byte, size int) {
	upload := must(client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}))
	parts := []types.CompletedPart{}
	for piece := range slices.Chunk(data, size) {
		number := aws.Int32(int32(len(parts) + 1))
		done := must(client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: &key, PartNumber: number,
			UploadId: upload.UploadId, Body: bytes.NewReader(piece)}))
		parts = append(parts, types.CompletedPart{ETag: done.ETag, PartNumber: number, ChecksumCRC32: done.ChecksumCRC32})
	}
	must(client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: &key,
		UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}))
	same(get(key, nil), data)
}

func list() {
	keys := []string{}
	listing := os.Getenv("S3_LISTING")
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &listing})
	for pages.HasMorePages() {
		for _, one := range must(pages.NextPage(ctx)).Contents {
			keys = append(keys, *one.Key)
		}
	}
	digest := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	check(hex.EncodeToString(digest[:]) == os.Getenv("S3_LISTED"), fmt.Sprintf("%d other keys", len(keys)))
}

func fetch(method, where string, body []byte) []byte {
	request := must(http.NewRequest(method, where, bytes.NewReader(body)))
	answer := must(browser.Do(request))
	defer answer.Body.Close()
	data := must(io.ReadAll(answer.Body))
	check(answer.StatusCode == http.StatusOK, fmt.Sprint(answer.StatusCode, string(data)))
	return data
}

func speed() {
	data := bytes.Repeat(large[:1<<20], 64)
	uploader := manager.NewUploader(client)
	for range 6 {
		began := time.Now()
		must(uploader.Upload(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("speed"), Body: bytes.NewReader(data)}))
		put := time.Now()
		get("speed", nil)
		fmt.Printf("{\"put\": %.4f, \"get\": %.4f}\n", put.Sub(began).Seconds(), time.Since(put).Seconds())
	}
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
