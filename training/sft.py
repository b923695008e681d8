"""SFT as a recipe says, which also names release, value, model and out.

python -m training.sft RECIPE [OPTION ...]
accelerate launch --num_processes 4 -m training.sft RECIPE
"""

import sys
from typing import Final

from training.launch import run_recipe

__all__ = ["STAGE"]

STAGE: Final = "sft"

if __name__ == "__main__":
    run_recipe(STAGE, sys.argv[1:])
