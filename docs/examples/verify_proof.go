// go run verify_proof.go PROOF_FILE LOG_KEY_FILE
// Checks that a record is in a tenant's log (c2sp.org/tlog-proof@v1) with golang.org/x/mod/sumdb, the code that checks
// Go's own module log (Debian: golang-go, golang-golang-x-mod-dev), and prints the record.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	file, key := read(os.Args[1]), strings.TrimSpace(read(os.Args[2]))
	proof, signed, _ := strings.Cut(file, "\n\n")

	// The checkpoint is signed by the log's key; signatures of others are passed over.
	verifier, err := note.NewVerifier(key)
	check(err)
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	check(err)
	checkpoint := strings.Split(opened.Text, "\n")
	if checkpoint[0] != verifier.Name() {
		log.Fatal("the checkpoint is of another log")
	}
	size := number(checkpoint[1])
	root, err := tlog.ParseHash(checkpoint[2])
	check(err)

	// The hashes lead from the leaf to the root.
	lines := strings.Split(proof, "\n")
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	check(err)
	var record struct{ Leaf, Detail string }
	check(json.Unmarshal(extra, &record))
	index := number(strings.TrimPrefix(lines[2], "index "))
	var hashes tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err)
		hashes = append(hashes, hash)
	}
	check(tlog.CheckRecord(hashes, size, root, index, tlog.RecordHash([]byte(record.Leaf))))
	fmt.Printf("Leaf %d of %d in %s: %s\n", index, size, checkpoint[0], record.Leaf)
}

func read(name string) string {
	content, err := os.ReadFile(name)
	check(err)
	return string(content)
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
