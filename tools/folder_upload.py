"""Uploads a folder's files. Runs in the virtual environment, as a program of its own.

``python -m tools.folder_upload CONTAINER PREFIX FOLDER``; the account is that of ``AzureWebJobsStorage``.
"""

import sys
from pathlib import Path

from tools.containers import connect, make, upload

if __name__ == "__main__":
    container, prefix, folder = sys.argv[1:4]
    with connect() as client:
        make(client, [container])
        for file in sorted(path for path in Path(folder).iterdir() if path.is_file()):
            upload(client.get_container_client(container), {f"{prefix}{file.name}": file.read_bytes()})
            print(file.name)
