"""How to cite the public prompt sets, in BibTeX."""

__all__ = [
    "ADVBENCH",
    "ANTHROBENCH",
    "COCONOT",
    "HARMBENCH",
    "JAILBREAKBENCH",
    "R_U_A_ROBOT",
    "STRONGREJECT",
    "SYCON",
    "SYCO_BENCH",
    "TRUTHFULQA",
    "XSTEST",
]

XSTEST = """@misc{rottger2023xstest,
  title={XSTest: A Test Suite for Identifying Exaggerated Safety Behaviours in Large Language Models},
  author={Paul R{\\"o}ttger and Hannah Rose Kirk and Bertie Vidgen and Giuseppe Attanasio and Federico Bianchi and Dirk Hovy},
  year={2023},
  eprint={2308.01263},
  archivePrefix={arXiv}
}"""  # noqa: E501 - one author list

HARMBENCH = """@misc{mazeika2024harmbench,
  title={HarmBench: A Standardized Evaluation Framework for Automated Red Teaming and Robust Refusal},
  author={Mantas Mazeika and Long Phan and Xuwang Yin and Andy Zou and Zifan Wang and Norman Mu and Elham Sakhaee and Nathaniel Li and Steven Basart and Bo Li and David Forsyth and Dan Hendrycks},
  year={2024},
  eprint={2402.04249},
  archivePrefix={arXiv}
}"""  # noqa: E501 - one author list

STRONGREJECT = """@misc{souly2024strongreject,
  title={A StrongREJECT for Empty Jailbreaks},
  author={Alexandra Souly and Qingyuan Lu and Dillon Bowen and Tu Trinh and Elvis Hsieh and Sana Pandey and Pieter Abbeel and Justin Svegliato and Scott Emmons and Olivia Watkins and Sam Toyer},
  year={2024},
  eprint={2402.10260},
  archivePrefix={arXiv}
}"""  # noqa: E501 - one author list

ADVBENCH = """@misc{zou2023universal,
  title={Universal and Transferable Adversarial Attacks on Aligned Language Models},
  author={Andy Zou and Zifan Wang and Nicholas Carlini and Milad Nasr and J. Zico Kolter and Matt Fredrikson},
  year={2023},
  eprint={2307.15043},
  archivePrefix={arXiv}
}"""  # noqa: E501 - one author list

JAILBREAKBENCH = """@misc{chao2024jailbreakbench,
  title={JailbreakBench: An Open Robustness Benchmark for Jailbreaking Large Language Models},
  author={Patrick Chao and Edoardo Debenedetti and Alexander Robey and Maksym Andriushchenko and Francesco Croce and Vikash Sehwag and Edgar Dobriban and Nicolas Flammarion and George J. Pappas and Florian Tram{\\`e}r and Hamed Hassani and Eric Wong},
  year={2024},
  eprint={2404.01318},
  archivePrefix={arXiv}
}"""  # noqa: E501 - one author list

COCONOT = """@misc{brahman2024coconot,
  title={The Art of Saying No: Contextual Noncompliance in Language Models},
  author={Faeze Brahman and Sachin Kumar and others},
  year={2024},
  eprint={2407.12043},
  archivePrefix={arXiv}
}"""

ANTHROBENCH = """@misc{ibrahim2025anthrobench,
  title={Multi-turn Evaluation of Anthropomorphic Behaviours in Large Language Models},
  author={Lujain Ibrahim and others},
  year={2025},
  eprint={2502.07077},
  archivePrefix={arXiv}
}"""

R_U_A_ROBOT = """@inproceedings{gros2021ruarobot,
  title={The R-U-A-Robot Dataset: Helping Avoid Chatbot Deception by Detecting User Questions About Human or Non-Human Identity},
  author={David Gros and Yu Li and Zhou Yu},
  booktitle={Proceedings of ACL-IJCNLP},
  year={2021}
}"""  # noqa: E501 - one title

SYCON = """@misc{hong2025sycon,
  title={Measuring Sycophancy of Language Models in Multi-turn Dialogues},
  author={Jiseung Hong and others},
  year={2025},
  eprint={2505.23840},
  archivePrefix={arXiv}
}"""

SYCO_BENCH = """@misc{duffy2025sycobench,
  title={Syco-bench: A Benchmark for {LLM} Sycophancy},
  author={Tim Duffy},
  year={2025},
  url={https://www.syco-bench.com}
}"""

TRUTHFULQA = """@inproceedings{lin2022truthfulqa,
  title={TruthfulQA: Measuring How Models Mimic Human Falsehoods},
  author={Stephanie Lin and Jacob Hilton and Owain Evans},
  booktitle={Proceedings of the 60th Annual Meeting of the ACL},
  year={2022},
  eprint={2109.07958},
  archivePrefix={arXiv}
}"""
