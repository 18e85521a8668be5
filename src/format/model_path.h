/* model_path.h - tells users what they may have meant by a path that holds no model. */
#ifndef CADRE_FORMAT_MODEL_PATH_H
#define CADRE_FORMAT_MODEL_PATH_H

/* Called after a model or its tokenizer could not be opened. Adds a line of advice to the last
 * error if the path is a name on the Hugging Face Hub, a download cache, a folder of GGUF files, a
 * file of a model's folder, or a folder whose weights have another form. Does nothing if there is
 * advice already, or nothing to say. */
void model_path_advise(const char *path);

#endif
