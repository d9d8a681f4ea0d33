"""The sections of drop folders."""

from typing import Annotated

from pydantic import AfterValidator, Field

from docstopd.config.droppath import check_drop_path
from docstopd.config.duration import Duration
from docstopd.config.place import AbsolutePath
from docstopd.config.sections import Section
from docstopd.config.sections_of_time import Name

PARTIAL = (".*", "~$*", "*~", "*.part", "*.partial", "*.filepart", "*.tmp", "*.temp", "*.crdownload", "*.download")
"""What programs call a file that is not finished, and what is hidden."""


class DropConfig(Section):
    """A folder whose files go into a space."""

    name: Name = Field(description="The drop folder's name, as the journal and the log have it.")
    folder: AbsolutePath = Field(description="The folder; docstopd must be allowed to remove files there.")
    space: str = Field(min_length=1, description="Label of the space that gets what lands there.")
    path: Annotated[str, AfterValidator(check_drop_path)] = Field(
        default="{folder}/{name}",
        description="Where it is filed below Inbox: text, {year}, {month}, {day}, {folder}, and {name} at the end.",
    )
    settle: Duration = Field(
        default=Duration(5),
        ge=Duration(0.1),
        le=Duration(86_400),
        description="How long a file must not have changed before it is taken.",
    )
    ignore: tuple[str, ...] = Field(
        default=PARTIAL,
        strict=False,
        description="Names of files and folders that are left alone, as of unfinished files; * is any text.",
    )
