/* The notebook's loop, one example a step, in plain C: a linear hidden layer, a logistic output.

   W1 is (H, D + 1), W2 is H + 1 long, biases in column 0. D and H are compiled in. */

#include <math.h>
#include <stdint.h>

double train(const double *rows, const double *labels, const int64_t *drawn, int64_t steps,
             double rate, double *W1, double *W2)
{
    double total = 0.0;
    for (int64_t k = 0; k < steps; k++) {
        const double *x = rows + drawn[k] * D;
        double y = labels[drawn[k]];
        double a1[H];
        double z2 = W2[0];
        for (int j = 0; j < H; j++) {
            const double *w = W1 + j * (D + 1);
            a1[j] = w[0];
            for (int i = 0; i < D; i++)
                a1[j] += w[1 + i] * x[i];
            z2 += W2[1 + j] * a1[j];
        }
        /* One exponential serves the prediction and the loss, log(1 + e^z) - y z, safely. */
        double e = exp(-fabs(z2));
        double y_pred = (z2 >= 0 ? 1.0 : e) / (1.0 + e);
        total += fmax(z2, 0.0) - y * z2 + log1p(e);

        double step = rate * (y_pred - y);
        for (int j = 0; j < H; j++) {
            double *w = W1 + j * (D + 1);
            double hidden_step = W2[1 + j] * step;
            W2[1 + j] -= step * a1[j];
            w[0] -= hidden_step;
            for (int i = 0; i < D; i++)
                w[1 + i] -= hidden_step * x[i];
        }
        W2[0] -= step;
    }
    return total;
}
