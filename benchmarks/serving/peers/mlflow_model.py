"""Write a LightGBM model as an MLflow model: python mlflow_model.py MODEL FOLDER."""

import sys

import lightgbm
import mlflow.lightgbm

mlflow.lightgbm.save_model(lightgbm.Booster(model_file=sys.argv[1]), sys.argv[2], pip_requirements=[])
