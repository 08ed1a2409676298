"""Train a model of the same size with H2O and write it as a MOJO: python h2o_model.py ROWS.npz FOLDER TREES.

The forest is another one (H2O cannot take LightGBM's trees): as many trees, of a depth of five.
"""

import os
import sys

import h2o
import numpy as np
from h2o.estimators import H2OGradientBoostingEstimator

h2o.init(nthreads=1, max_mem_size="2g", bind_to_localhost=True, port=int(os.environ.get("H2O_PORT", "54399")))
try:
    table = np.load(sys.argv[1])
    names = [*table["names"].tolist(), "target"]
    frame = h2o.H2OFrame(np.column_stack([table["X"], table["y"]]), column_names=names)
    frame["target"] = frame["target"].asfactor()
    model = H2OGradientBoostingEstimator(ntrees=int(sys.argv[3]), max_depth=5, seed=1, learn_rate=0.05)
    model.train(names[:-1], "target", frame)
    model.download_mojo(path=f"{sys.argv[2]}/forest.zip")
finally:
    h2o.cluster().shutdown()
