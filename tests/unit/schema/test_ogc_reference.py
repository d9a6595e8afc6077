"""Ids of jobs that tell how their results are wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import JobNotFoundError
from schema.ogc import ResponseForm, TransmissionMode
from schema.ogc_reference import JobReference, WantedOutput, wanted_text

JOB_ID = "ab" * 32

references = st.builds(
    JobReference,
    st.just(JOB_ID),
    st.sampled_from([None, *ResponseForm]),
    st.lists(
        st.builds(
            WantedOutput,
            st.from_regex(r"[A-Za-z_]\w{0,20}", fullmatch=True).filter(str.isascii),
            st.sampled_from(TransmissionMode),
        ),
        max_size=4,
        unique_by=str,
    ).map(tuple),
)


@given(references)
def test_a_reference_is_read_as_it_was_written(reference: JobReference) -> None:
    assert JobReference.parse(str(reference)) == reference
    assert JobReference.of(JOB_ID, wanted_text(reference.form, reference.outputs)) == reference


def test_without_wishes_it_is_the_jobs_own_id() -> None:
    assert str(JobReference(JOB_ID)) == JOB_ID
    assert JobReference.parse(JOB_ID.upper()) == JobReference(JOB_ID)


def test_form_and_outputs_follow_the_id() -> None:
    outputs = (WantedOutput("a"), WantedOutput("b", TransmissionMode.REFERENCE))
    assert str(JobReference(JOB_ID, ResponseForm.DOCUMENT, outputs)) == f"{JOB_ID}.document.a.b-ref"
    assert str(JobReference(JOB_ID, None, outputs[:1])) == f"{JOB_ID}.any.a"


@pytest.mark.parametrize(
    "rest", [".", ".none", ".raw.", ".raw.a-b", ".raw..a", ".raw.a b", ".raw.1", ".raw.ü", ".raw.a.a"]
)
def test_whatever_else_follows_is_no_job(rest: str) -> None:
    with pytest.raises(JobNotFoundError):
        JobReference.parse(JOB_ID + rest)


@pytest.mark.parametrize("text", ["", "x", "ab" * 31, "ab" * 33, "../" + JOB_ID, "x" * 5_000])
def test_what_is_no_id_is_no_job(text: str) -> None:
    with pytest.raises(JobNotFoundError) as caught:
        JobReference.parse(text)
    assert len(str(caught.value)) < 200
