// Package dataset has 1,797 images of handwritten digits, in batches.
//
// Every fifth image is a test image. Batches are numbered, and a number always means
// the same images, so that a training that resumes at step 700 sees the same images as
// one that was not interrupted. README.md has the source and the license of the images.
package dataset

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"strconv"
)

const (
	// Pixels is the number of pixels of an image: 8 rows of 8.
	Pixels = 64
	// Classes is the number of classes: the digits from 0 to 9.
	Classes = 10
)

//go:embed digits.csv.gz
var file []byte

// Set is a list of images and their labels.
type Set struct {
	Images [][]float32 // pixels from 0 (paper) to 16 (ink), row by row
	Labels []int32     // 0 to 9
}

// Load returns the training set (1,437 images) and the test set (360).
func Load() (train, test Set, err error) {
	text, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return train, test, fmt.Errorf("load dataset: %w", err)
	}
	records := csv.NewReader(text)
	records.FieldsPerRecord = Pixels + 1
	lines, err := records.ReadAll()
	if err != nil {
		return train, test, fmt.Errorf("load dataset: %w", err)
	}
	for i, fields := range lines {
		set := &train
		if i%5 == 0 {
			set = &test
		}
		if err := set.add(fields); err != nil {
			return train, test, fmt.Errorf("load dataset: image %d: %w", i, err)
		}
	}
	return train, test, nil
}

func (s *Set) add(fields []string) error {
	image := make([]float32, Pixels)
	for i, field := range fields[:Pixels] {
		pixel, err := strconv.ParseFloat(field, 32)
		if err != nil {
			return err
		}
		image[i] = float32(pixel)
	}
	label, err := strconv.ParseInt(fields[Pixels], 10, 32)
	if err != nil {
		return err
	}
	s.Images = append(s.Images, image)
	s.Labels = append(s.Labels, int32(label))
	return nil
}

// Len returns the number of images.
func (s Set) Len() int { return len(s.Images) }

// Batch returns batch number n, where n is the number of a step; see Indices.
func (s Set) Batch(n, size int) Set {
	batch := Set{Images: make([][]float32, size), Labels: make([]int32, size)}
	for i, at := range s.Indices(n, size) {
		batch.Images[i], batch.Labels[i] = s.Images[at], s.Labels[at]
	}
	return batch
}

// Indices returns the indices of the images in batch number n, for n ≥ 0 and size ≤ Len.
// Each pass over the set has a different order. Images left over at the end of a pass are
// not used in it.
func (s Set) Indices(n, size int) []int {
	perPass := s.Len() / size
	order := rand.New(rand.NewPCG(uint64(n/perPass), 0)).Perm(s.Len())
	return order[n%perPass*size:][:size]
}
