"""The commands of ``geojobs``: each calls one method of the client and shows what it answers."""
