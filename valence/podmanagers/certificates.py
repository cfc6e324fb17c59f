# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""The certificates of authorities that are trusted for one pod manager."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization


def normal(pem: str) -> str:
    """Keep the certificates of a text in PEM, and nothing else of it.

    :raises ValueError: there is none, or one that cannot be read.
    """
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as exc:
        raise ValueError("this holds no certificate in PEM that can be read") from exc
    written = [one.public_bytes(serialization.Encoding.PEM).decode() for one in found]
    return "".join(written)
