"""PyTorch, eager: rows gathered by a permutation, fused Adam, no DataLoader."""

from contextlib import contextmanager

import torch
from torch.nn import functional

from benchmarks.contenders import Trainer
from benchmarks.workloads import SEED

TITLE = "PyTorch"
# Its Adam adds epsilon after the correction of the bias, the others before.
OWN_EPSILON = True
# A data set of up to this many bytes is gathered once an epoch, which saves calls; for a larger
# one, gathered batch by batch, the two ways were within the noise of a busy machine.
GATHER_WHOLE = 2**20


def version():
    """Return PyTorch's version."""
    return f"PyTorch {torch.__version__}"


@contextmanager
def limited(threads):
    """Hold PyTorch to so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def takes(workload):
    """Tell that all dense work is taken but the long one."""
    return workload.dense and not workload.long


def trainer(workload, data, epochs, order=None):
    """Prepare a training loop; the data are tensors before it starts."""
    rows, labels = tensors(workload, data)
    given = None if order is None else torch.from_numpy(order)

    def train():
        torch.manual_seed(SEED)
        model = network(workload)
        step = _stepper(workload, model)
        curve = []
        for epoch in range(epochs):
            drawn = draw(workload, len(rows)) if given is None else given[epoch]
            total = torch.zeros((), dtype=rows.dtype)
            for batch_rows, batch_labels in batches(workload, rows, labels, drawn):
                total += step(batch_rows, batch_labels)
            curve.append(total)
        return model, torch.stack(curve).tolist()

    return Trainer(train, _parameters)


def predictor(workload, data, proba=False):
    """Return the class of each row of a tensor, without gradients."""
    model = network(workload)

    def predict(rows):
        with torch.inference_mode():
            z = model(torch.from_numpy(rows))
            return z[:, 0] > 0 if workload.classes == 2 else z.argmax(dim=1)

    return predict


def network(workload):
    """Build the network from the starting parameters that all contenders share."""
    start = workload.start()
    layers = []
    for number, (weights, biases) in enumerate(start):
        layer = torch.nn.Linear(*weights.shape, device="meta")
        layer.weight = torch.nn.Parameter(torch.from_numpy(weights.T.copy()))
        layer.bias = torch.nn.Parameter(torch.from_numpy(biases))
        layers.append(layer)
        if number < len(start) - 1 and workload.activation == "relu":
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


def tensors(workload, data):
    """Return rows and labels as tensors, labels as the loss wants them."""
    rows, labels = torch.from_numpy(data.X), torch.from_numpy(data.y)
    return rows, labels.to(rows.dtype)[:, None] if workload.classes == 2 else labels


def draw(workload, n):
    """Draw the row numbers of an epoch."""
    return torch.randint(n, (n,)) if workload.one_example else torch.randperm(n)


def batches(workload, rows, labels, drawn):
    """Yield the rows and labels of each batch."""
    if rows.nbytes <= GATHER_WHOLE:
        yield from zip(
            rows.index_select(0, drawn).split(workload.batch),
            labels.index_select(0, drawn).split(workload.batch),
            strict=True,
        )
    else:
        for chosen in drawn.split(workload.batch):
            yield rows.index_select(0, chosen), labels.index_select(0, chosen)


def _stepper(workload, model):
    """Return one step of training as a function of a batch; it gives back the loss."""
    if workload.classes == 2:
        criterion = functional.binary_cross_entropy_with_logits
    else:
        criterion = functional.cross_entropy
    parameters = list(model.parameters())

    def sgd(rows, labels):
        # By hand, since torch.optim.SGD, fused or not, took 1.4 to 1.6 times as long.
        loss = criterion(model(rows), labels)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=workload.learning_rate)
        return loss.detach()

    if workload.solver == "sgd":
        return sgd
    penalised = {
        "params": [p for p in parameters if p.ndim == 2],
        "weight_decay": workload.alpha / workload.batch,
    }
    biases = {"params": [p for p in parameters if p.ndim == 1]}
    optimizer = torch.optim.Adam([penalised, biases], lr=workload.learning_rate, fused=True)

    def adam(rows, labels):
        optimizer.zero_grad()
        loss = criterion(model(rows), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return adam


def _parameters(result):
    model, _ = result
    linear = [layer for layer in model if isinstance(layer, torch.nn.Linear)]
    return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linear]
