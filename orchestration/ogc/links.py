"""Absolute links between the resources of OGC API - Processes."""

from dataclasses import dataclass

from schema.ogc import RELATION, Link

JSON = "application/json"
OPENAPI_3_0 = "application/vnd.oai.openapi+json;version=3.0"


@dataclass(frozen=True)
class Links:
    """``base`` is where the app's routes begin, such as ``https://host/api``."""

    base: str

    def address(self, path: str = "") -> str:
        return f"{self.base}/ogc/{path}".rstrip("/")

    def to(self, path: str, rel: str, title: str | None = None) -> Link:
        return Link(href=self.address(path), rel=rel, type=JSON, title=title)

    def landing_page(self) -> list[Link]:
        return [
            self.to("", "self", "this document"),
            Link(
                href=self.address("api"), rel="service-desc", type=OPENAPI_3_0, title="the API's definition"
            ),
            Link(
                href=f"{self.base}/docs", rel="service-doc", type="text/html", title="the API's documentation"
            ),
            self.to("conformance", f"{RELATION}conformance", "what is implemented of the standard"),
            self.to("processes", f"{RELATION}processes", "what can be executed"),
            self.to("jobs", f"{RELATION}job-list", "what was executed"),
        ]

    def process(self, process_id: str) -> list[Link]:
        path = f"processes/{process_id}"
        return [
            self.to(path, "self", "this process"),
            self.to(f"{path}/execution", f"{RELATION}execute", "executes the process"),
            self.to("processes", "up", "all processes"),
            self.to(f"jobs?processID={process_id}", f"{RELATION}job-list", "its jobs"),
        ]

    def process_summary(self, process_id: str) -> list[Link]:
        path = f"processes/{process_id}"
        return [self.to(path, "self", "the process"), self.to(path, "process-desc", "its inputs and outputs")]

    def job(self, reference: str, *, with_results: bool, with_exception: bool) -> list[Link]:
        """``reference`` is the id that the caller knows the job by."""
        path = f"jobs/{reference}"
        links = [self.to(path, "self", "this job"), self.to(path, "monitor", "the job's status")]
        if with_results:
            links.append(self.to(f"{path}/results", f"{RELATION}results", "the results"))
        if with_exception:
            links.append(self.to(f"{path}/results", f"{RELATION}exceptions", "why it failed"))
        return links

    def page(self, path: str, following: str | None) -> list[Link]:
        """Of a list: ``path`` with its query, and the same of the next page if there is one."""
        links = [self.to(path, "self", "this page")]
        if following is not None:
            links.append(self.to(following, "next", "the next page"))
        return links
