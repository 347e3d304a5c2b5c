// Verifies a published log with Go's own checksum-database code and nothing of ours.
//
//	verifier <verifier key> <directory> [proofs.json]
//
// Opens the checkpoint with note, authenticates every tile against it with tlog, and checks every record's
// hash. With proofs.json it also checks proofs that others made: inclusion of records in this tree, and
// consistency of earlier trees with it.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

type files string

func (dir files) path(kind string, t tlog.Tile) string {
	// C2SP tlog-tiles is Go's own layout without the height.
	return filepath.Join(string(dir), "tile", kind, strings.SplitN(t.Path(), "/", 4)[3])
}

func (dir files) Height() int { return height }

func (dir files) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, t := range tiles {
		b, err := os.ReadFile(dir.path(strconv.Itoa(t.L), t))
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

func (dir files) SaveTiles([]tlog.Tile, [][]byte) {}

type proof struct {
	Index, Old *int64
	Root       tlog.Hash
	Proof      []tlog.Hash
}

func main() {
	size, err := verify(os.Args[1], files(os.Args[2]), os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted", size)
}

func verify(key string, dir files, proofs []string) (int64, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return 0, err
	}
	message, err := os.ReadFile(filepath.Join(string(dir), "checkpoint"))
	if err != nil {
		return 0, err
	}
	checkpoint, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return 0, err
	}
	lines := strings.Split(checkpoint.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return 0, fmt.Errorf("not this log's checkpoint: %q", checkpoint.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return 0, err
	}
	tree := tlog.Tree{N: size, Hash: root}
	for first := int64(0); first < size; first += 1 << height {
		width := min(size-first, 1<<height)
		if err := records(dir, tree, first, int(width)); err != nil {
			return 0, err
		}
	}
	for _, name := range proofs {
		if err := check(name, tree, tlog.TileHashReader(tree, dir)); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// records compares the entries of one bundle with the authenticated leaf hashes.
func records(dir files, tree tlog.Tree, first int64, width int) error {
	indexes := make([]int64, width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
	}
	want, err := tlog.TileHashReader(tree, dir).ReadHashes(indexes)
	if err != nil {
		return err
	}
	bundle, err := os.ReadFile(dir.path("entries", tlog.Tile{H: height, N: first >> height, W: width}))
	if err != nil {
		return err
	}
	for i := range want {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return fmt.Errorf("record %d is cut off", first+int64(i))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if tlog.RecordHash(bundle[2:end]) != want[i] {
			return fmt.Errorf("record %d does not hash to its leaf", first+int64(i))
		}
		bundle = bundle[end:]
	}
	if len(bundle) != 0 {
		return fmt.Errorf("bytes are left after record %d", first+int64(width)-1)
	}
	return nil
}

func check(name string, tree tlog.Tree, hashes tlog.HashReader) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var all []proof
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for _, p := range all {
		if p.Old != nil {
			err = tlog.CheckTree(p.Proof, tree.N, tree.Hash, *p.Old, p.Root)
		} else {
			var leaf []tlog.Hash
			if leaf, err = hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, *p.Index)}); err == nil {
				err = tlog.CheckRecord(p.Proof, tree.N, tree.Hash, *p.Index, leaf[0])
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
