"""Profiles as data, one file a vendor, and their loader."""

from keyturn.catalogue.catalogue import Catalogue, Listed, read_file
from keyturn.catalogue.hints import raised
from keyturn.catalogue.vendor import Tool, Variant, Vendor, read_vendor

__all__ = ["Catalogue", "Listed", "Tool", "Variant", "Vendor", "raised", "read_file", "read_vendor"]
