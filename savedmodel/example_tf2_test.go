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
	for _, b := range batches {
		out, err := m.Predict(ctx, "train", map[string]*tf.Tensor{"x": b[0], "y": b[1]})
		if err != nil {
			return err
		}
		fmt.Println("loss", out["loss"].Value())
		tf.Release(out["loss"])
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
