struct camera;
static struct camera *camera;
static cnn_loader *batches;
int camera_read(struct camera *, int64_t frame, void *pixels, int32_t *index);
static cnn_dataset *test;
static cnn_model *model;
static double results[2];
