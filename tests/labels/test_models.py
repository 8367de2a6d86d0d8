from __future__ import annotations

from gfd.labels.models import ModelCount, choose_model, count_models
from tests.make import gpu, mig_gpu


def test_a_single_model_has_no_counts() -> None:
    assert count_models((gpu(0), gpu(1))) == ()


def test_models_are_counted_by_product() -> None:
    gpus = (gpu(0, name="B  x"), gpu(1, name="A"), gpu(2, name="B x"), gpu(3, name="®"))
    assert count_models(gpus) == (
        ModelCount(product="A", count=1, gpus=(gpus[1],)),
        ModelCount(product="B-x", count=2, gpus=(gpus[0], gpus[2])),
    )


def test_a_long_product_is_shortened_to_a_key() -> None:
    long = "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition"
    (cut, _) = count_models((gpu(0, name=long), gpu(1, name="X")))
    assert cut.product == "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation"


def test_long_models_that_differ_in_the_last_word_are_counted_apart() -> None:
    long = "NVIDIA Data Centre GPU with a Name of more than Fifty-Three Characters Mark"
    counted = count_models(
        (gpu(0, name=f"{long} One"), gpu(1, name=f"{long} Two"), gpu(2, name=f"{long} Two"))
    )
    assert [(model.product, model.count) for model in counted] == [
        ("NVIDIA-Data-Centre-GPU-with-a-Name-of-more-than-0daa", 1),
        ("NVIDIA-Data-Centre-GPU-with-a-Name-of-more-than-a699", 2),
    ]


def test_a_model_with_full_gpus_comes_first() -> None:
    gpus = (mig_gpu(0, name="M"), mig_gpu(1, name="M"), gpu(2, name="F"))
    assert choose_model(gpus).name == "F"


def test_the_model_with_most_gpus_comes_second() -> None:
    gpus = (gpu(0, name="A"), gpu(1, name="B"), mig_gpu(2, name="B"))
    assert choose_model(gpus).name == "B"


def test_the_lowest_pci_address_comes_third() -> None:
    assert choose_model((gpu(0, name="B"), gpu(1, name="A"))).name == "B"


def test_the_last_full_gpu_describes_its_model() -> None:
    gpus = (gpu(0), gpu(1), mig_gpu(2))
    assert choose_model(gpus).gpu is gpus[1]
