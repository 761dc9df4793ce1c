package savedmodel_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tfkeep/tfkeep/savedmodel"
	"github.com/tfkeep/tfkeep/tf"
)

// trainExported trains a model that Python has exported with a signature "train", and saves it
// as the next version beside it. Python loads that with all its objects.
func trainExported(ctx context.Context, base string, batches [][2]*tf.Tensor) error {
	m, err := savedmodel.Open(ctx, base+"/1", nil)
	if err != nil {
		return err
	}
	defer m.Close()
	train, err := m.Signature(ctx, "train", &savedmodel.SignatureOptions{Inputs: []string{"x", "y"}, Trains: true})
	if err != nil {
		return err
	}
	defer train.Close()
	for _, b := range batches {
		out, err := train.Run(ctx, b[0], b[1])
		if err != nil {
			return err
		}
		fmt.Println("loss", out[0].Value())
		tf.Release(out...)
	}
	version, err := m.Save(ctx, base, &savedmodel.SaveOptions{Version: true})
	if err != nil {
		return err
	}
	fmt.Println("saved", version)
	return nil
}

func ExampleModel_Save() {
	if err := trainExported(context.Background(), "models/digits", nil); err != nil {
		log.Fatal(err)
	}
}
