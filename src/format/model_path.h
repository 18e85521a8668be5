/* model_path.h - what a person may have meant by a path that holds no model. */
#ifndef CADRE_FORMAT_MODEL_PATH_H
#define CADRE_FORMAT_MODEL_PATH_H

/* After opening a model or its tokenizer has failed: adds a line of advice to the last error where
 * the path is a name of the Hugging Face Hub, a download cache, a folder of GGUF files, a file of a
 * model's folder, or a folder whose weights are in another form. Nothing where there is advice
 * already, or nothing to say. */
void model_path_advise(const char *path);

#endif
