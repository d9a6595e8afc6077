"""The fake keeps the contract, so that tests which use it tell something."""

import pytest

from tests.contracts.blob_suite import BlobRepositoryContract, Put
from tests.fakes.blobs import FakeBlobRepository


class TestFakeBlobRepository(BlobRepositoryContract):
    @pytest.fixture
    def blobs(self) -> FakeBlobRepository:
        return FakeBlobRepository(
            read_containers=("bronze", "silver", "gold"), containers={"bronze": {}, "silver": {}}
        )

    @pytest.fixture
    def put(self, blobs: FakeBlobRepository) -> Put:
        return blobs.put
