"""The trained weights as ONNX in half precision, with their origin in the metadata of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from prompt_network.network import CHANNELS, PromptNet
from prompt_network.views import SIDE


def store_as_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights as float16, each widened by a Cast, which the runtime folds away when it loads the file."""
    graph = model.graph
    casts, weights = [], []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype != np.float32 or values.size < 64:
            weights.append(weight)
            continue
        weights.append(numpy_helper.from_array(values.astype(np.float16), weight.name + "_half"))
        casts.append(helper.make_node("Cast", [weight.name + "_half"], [weight.name], to=onnx.TensorProto.FLOAT))
    nodes = casts + list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(weights)
    graph.node.extend(nodes)
    return model


def export(dims: int, checkpoint: Path, path: Path) -> None:
    """Write the averaged weights of a checkpoint; batch size is free, sides are fixed."""
    state = torch.load(checkpoint, weights_only=True)
    net = PromptNet(dims)
    net.load_state_dict({k.removeprefix("module."): v for k, v in state["average"].items() if k.startswith("module.")})
    net.eval()
    part = path.with_suffix(".part")
    axes = {"prompted": {0: "batch"}, "logits": {0: "batch"}}
    example = torch.zeros((1, CHANNELS, *[SIDE[dims]] * dims))
    torch.onnx.export(
        net,
        (example,),
        part,
        input_names=["prompted"],
        output_names=["logits"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    model = store_as_half(onnx.load(part))
    origin = {
        "generator": state["generator"],
        "seed": state["seed"],
        "steps": state["step"],
        "hours": round(state["hours"], 2),
    }
    helper.set_model_props(model, {key: str(value) for key, value in origin.items()})
    onnx.checker.check_model(model)
    onnx.save(model, part)
    part.replace(path)
    print(f"{path}: {path.stat().st_size:,} bytes, {origin}")
