//! Shapes that no honest client sends. Their tests stand beside the readers that find them.

super::rules! { TABLE ["protocol", "CWE-400", "crs-920"];
    FIELDS "proto-001" "too many fields" Critical 1: "@fields", "@fields", not "a";
    DEPTH "proto-002" "nesting too deep" Critical 1: "@depth", "@depth", not "a";
    MULTIPART "proto-003" "malformed multipart" Critical 1: "@multipart", "@multipart", not "a";
}
