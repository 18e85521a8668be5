/* model_write.h - writes a whole model: to a folder as Hugging Face has them, or to one GGUF
 * file. */
#ifndef CADRE_WEIGHTS_MODEL_WRITE_H
#define CADRE_WEIGHTS_MODEL_WRITE_H

#include "weights/model_output.h"

/* Files appear under their names complete. The weights come last, so a failure leaves no model. */
cadre_status model_output_write(const compute *c, const model_output *output);

#endif
