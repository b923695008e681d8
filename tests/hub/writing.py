"""What the Hub of the tests answers to those who write."""

import base64
import json
from typing import Any, ClassVar

from tests.hub.reading import Reading
from tests.hub.store import LARGE, Blob, Refusal, Repository, check_card


class Writing(Reading):
    """Settings, uploads and commits."""

    objects: ClassVar[dict[str, bytes]] = {}

    def create(self) -> dict[str, str]:
        asked, account = json.loads(self.body), self.account()
        name = f"{asked['organization']}/{asked['name']}"
        url = f"{self.endpoint}/datasets/{name}"
        if name in self.repositories:
            raise Refusal(409, "You already created this dataset repo", url=url)
        if account is None or account["name"] != asked["organization"] or account["role"] == "read":
            raise Refusal(
                403,
                "You don't have the rights to create a dataset under the namespace "
                f'"{asked["organization"]}"',
            )
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.repositories[name] = Repository(name, private, asked.get("type") or "model")
        return {"url": url}

    def set(self, id: str) -> dict[str, Any]:
        found, asked = self.find(id, write=True), json.loads(self.body)
        found.gated = asked.get("gated", found.gated)
        if "private" in asked or "visibility" in asked:
            found.private = bool(asked.get("private")) or asked.get("visibility") == "private"
        return asked

    def validate(self) -> dict[str, Any]:
        asked = json.loads(self.body)
        errors = [{"message": error} for error in check_card(asked["content"], asked["repoType"])]
        if errors:
            raise Refusal(400, "Invalid metadata", errors=errors, warnings=[])
        return {"errors": [], "warnings": []}

    def preupload(self, id: str, rev: str) -> dict[str, Any]:
        files = self.find(id, write="create_pr" not in self.query).find(rev).files
        answers = []
        for asked in json.loads(self.body)["files"]:
            path, is_large = asked["path"], asked["path"].endswith(LARGE)
            answer = {"path": path, "uploadMode": "lfs" if is_large else "regular"}
            if path in files:
                answer["oid"] = files[path].sha256 if is_large else files[path].oid
            answers.append({**answer, "shouldIgnore": False})
        return {"files": answers}

    def batch(self, id: str) -> dict[str, Any]:
        self.find(id)
        answers = []
        for asked in json.loads(self.body)["objects"]:
            answer = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.objects:
                answer["actions"] = {
                    "upload": {"href": f"{self.endpoint}/lfs/{asked['oid']}"},
                    "verify": {"href": f"{self.endpoint}/lfs/verify"},
                }
            answers.append(answer)
        return {"transfer": "basic", "objects": answers}

    def upload(self, oid: str) -> dict[str, str]:
        if Blob(self.body, is_large=True).sha256 != oid:
            raise Refusal(400, "the content is not what was announced")
        self.objects[oid] = self.body
        return {}

    def verify(self) -> dict[str, str]:
        asked = json.loads(self.body)
        if len(self.objects.get(asked["oid"], b"")) != asked["size"]:
            raise Refusal(404, "no such object")
        return {}

    def commit(self, id: str, rev: str) -> dict[str, Any]:
        is_request = "create_pr" in self.query
        found = self.find(id, write=not is_request)
        if rev not in found.refs:
            raise Refusal(404, f"no branch {rev}", "RevisionNotFound")
        header, *lines = map(json.loads, self.body.splitlines())
        head = found.find(rev)
        if header["value"].get("parentCommit", head.oid) != head.oid and not is_request:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(head.files)
        for line in lines:
            self.change(files, line["key"], line["value"], found.kind)
        ref = f"refs/pr/{len(found.commits)}" if is_request else rev
        made = found.add(ref, header["value"]["summary"], files, head.oid)
        page = f"{self.endpoint}/datasets/{id}"
        answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{page}/commit/{made.oid}"}
        number = ref.rpartition("/")[2]
        return answer | ({"pullRequestUrl": f"{page}/discussions/{number}"} if is_request else {})

    def change(self, files: dict[str, Blob], key: str, value: dict[str, Any], kind: str) -> None:
        path = value["path"]
        if key == "file":
            files[path] = Blob(base64.b64decode(value["content"]), is_large=False)
            card = files[path].content.decode() if path == "README.md" else None
            if card is not None and (wrong := check_card(card, kind)):
                raise Refusal(400, f"Invalid metadata in README.md: {wrong[0]}")
        elif key == "lfsFile" and value["oid"] in self.objects:
            files[path] = Blob(self.objects[value["oid"]], is_large=True)
        elif key == "deletedFile" and path in files:
            del files[path]
        else:
            raise Refusal(400, f"{key} {path} is not there")

    def tag(self, id: str, rev: str) -> dict[str, str]:
        found, name = self.find(id, write=True), json.loads(self.body)["tag"]
        if name in found.tags:
            raise Refusal(409, f"Tag {name} already exists")
        found.tags[name] = found.find(rev).oid
        return {}

    def branch(self, id: str, rev: str) -> dict[str, str]:
        found = self.find(id, write=True)
        if rev in found.refs:
            raise Refusal(409, f"Branch {rev} already exists")
        found.refs[rev] = found.refs["main"]
        return {}
