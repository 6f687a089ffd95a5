"""Parameters of looking into the content of mail.

Postfix: cleanup(8), header_checks(5), postconf(5)
"""

from spoolmta.config.parameter import Section, number, text, yes_no


class InspectionParameters(Section, not_yet="this inspection of content is not supported yet"):
    """Checks of body and attachments, and how MIME is understood and enforced."""

    body_checks: str = text("")  # tables whose results decide about body lines
    body_checks_size_limit: int = number("51200")  # bytes of a body segment that are looked at
    mime_header_checks: str = text("$header_checks")  # tables for MIME headers
    nested_header_checks: str = text("$header_checks")  # tables for headers of attached messages
    disable_mime_input_processing: bool = yes_no("no")  # take all after the headers as one body
    detect_8bit_encoding_header: bool = yes_no(
        "yes"
    )  # heed Content-Transfer-Encoding in bodies of 8 bits
    force_mime_input_conversion: bool = yes_no("no")  # make 7 bits of what comes in
    full_name_encoding_charset: str = text("utf-8")  # character set of full names in From:
    mime_boundary_length_limit: int = number("2048", min=1)  # bytes of a boundary that count
    mime_nesting_limit: int = number("100", min=1)  # depth of multiparts that is understood
    strict_7bit_headers: bool = yes_no("no")  # refuse 8 bits in headers
    strict_8bitmime: bool = yes_no("no")  # strict_7bit_headers and strict_8bitmime_body
    strict_8bitmime_body: bool = yes_no("no")  # refuse 8 bits in bodies that do not announce them
    strict_mime_encoding_domain: bool = yes_no(
        "no"
    )  # refuse encodings that multiparts must not have
    message_reject_characters: str = text("")  # refuse mail with these
    message_strip_characters: str = text("")  # take these out
    cleanup_replace_stray_cr_lf: bool = yes_no("yes")  # CR and LF alone become blanks
    non_empty_end_of_header_action: str = text(
        "fix_quietly", empty_allowed=False
    )  # what is done with a blank-only line below headers
    smtp_body_checks: str = text("")  # as body_checks, for mail that goes out
    smtp_header_checks: str = text("")  # as header_checks, for mail that goes out
    smtp_mime_header_checks: str = text("")  # as mime_header_checks, for mail that goes out
    smtp_nested_header_checks: str = text("")  # as nested_header_checks, for mail that goes out
    lmtp_body_checks: str = text("")  # as smtp_body_checks
    lmtp_header_checks: str = text("")  # as smtp_header_checks
    lmtp_mime_header_checks: str = text("")  # as smtp_mime_header_checks
    lmtp_nested_header_checks: str = text("")  # as smtp_nested_header_checks
