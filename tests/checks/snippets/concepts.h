static cnn_loader *batches;
