package wasmtest

import (
	"encoding/binary"
	"math"
)

// Code joins instructions.
func Code(parts ...[]byte) []byte { return join(parts...) }

// Op returns an instruction without immediates.
func Op(opcode ...byte) []byte { return opcode }

// Instructions without immediates.
var (
	Unreachable = Op(0x00)
	Return      = Op(0x0f)
	End         = Op(0x0b)
	Else        = Op(0x05)
	Drop        = Op(0x1a)
	I32Eqz      = Op(0x45)
	I32Eq       = Op(0x46)
	I32LtU      = Op(0x49)
	I32GeU      = Op(0x4f)
	I32Add      = Op(0x6a)
	I32Sub      = Op(0x6b)
	I32Mul      = Op(0x6c)
	I32DivS     = Op(0x6d)
	I32DivU     = Op(0x6e)
	I32Xor      = Op(0x73)
	I64Add      = Op(0x7c)
	I64Sub      = Op(0x7d)
	I64Mul      = Op(0x7e)
	I32TruncF32 = Op(0xa8)
	I32WrapI64  = Op(0xa7)
	I64ExtendU  = Op(0xad)
	MemorySize  = Op(0x3f, 0)
	MemoryGrow  = Op(0x40, 0)
	MemoryCopy  = Op(0xfc, 10, 0, 0)
	MemoryFill  = Op(0xfc, 11, 0)
)

// Block, Loop and If open a block without a result; End closes it.
var (
	Block = Op(0x02, 0x40)
	Loop  = Op(0x03, 0x40)
	If    = Op(0x04, 0x40)
)

// I32Const pushes a constant.
func I32Const(v int32) []byte { return join(Op(0x41), Int(int64(v))) }

// I64Const pushes a constant.
func I64Const(v int64) []byte { return join(Op(0x42), Int(v)) }

// F32Const pushes a constant.
func F32Const(v float32) []byte {
	return binary.LittleEndian.AppendUint32(Op(0x43), math.Float32bits(v))
}

// F64Const pushes a constant.
func F64Const(v float64) []byte {
	return binary.LittleEndian.AppendUint64(Op(0x44), math.Float64bits(v))
}

// Br branches to the label that many blocks out.
func Br(label uint32) []byte { return indexed(label, 0x0c) }

// BrIf branches when the value on the stack is not zero.
func BrIf(label uint32) []byte { return indexed(label, 0x0d) }

// BrTable branches to one of the labels, the last one being the default.
func BrTable(labels ...uint32) []byte {
	b := join(Op(0x0e), Uint(uint64(len(labels)-1)))
	for _, l := range labels {
		b = append(b, Uint(uint64(l))...)
	}
	return b
}

// Call calls a function.
func Call(function uint32) []byte { return indexed(function, 0x10) }

// CallIndirect calls through table 0.
func CallIndirect(typ uint32) []byte { return join(indexed(typ, 0x11), Uint(0)) }

// LocalGet gets a parameter or local.
func LocalGet(i uint32) []byte { return indexed(i, 0x20) }

// LocalSet sets a local.
func LocalSet(i uint32) []byte { return indexed(i, 0x21) }

// LocalTee sets a local and keeps the value.
func LocalTee(i uint32) []byte { return indexed(i, 0x22) }

// GlobalGet pushes a global.
func GlobalGet(i uint32) []byte { return indexed(i, 0x23) }

// GlobalSet sets a global.
func GlobalSet(i uint32) []byte { return indexed(i, 0x24) }

// I32Load loads from an address plus offset.
func I32Load(offset uint32) []byte { return access(0x28, 2, offset) }

// I32Load8U loads a byte.
func I32Load8U(offset uint32) []byte { return access(0x2d, 0, offset) }

// I64Load loads from an address plus offset.
func I64Load(offset uint32) []byte { return access(0x29, 3, offset) }

// I32Store stores at an address plus offset.
func I32Store(offset uint32) []byte { return access(0x36, 2, offset) }

// I32Store8 stores a byte.
func I32Store8(offset uint32) []byte { return access(0x3a, 0, offset) }

// I64Store stores at an address plus offset.
func I64Store(offset uint32) []byte { return access(0x37, 3, offset) }

// MemoryInit copies from a data segment.
func MemoryInit(segment uint32) []byte { return join(Op(0xfc, 8), Uint(uint64(segment)), []byte{0}) }

// DataDrop drops a data segment.
func DataDrop(segment uint32) []byte { return join(Op(0xfc, 9), Uint(uint64(segment))) }

// RefFunc pushes a reference to a function.
func RefFunc(function uint32) []byte { return indexed(function, 0xd2) }

// RefNull pushes a null reference.
func RefNull(typ byte) []byte { return Op(0xd0, typ) }

func indexed(i uint32, opcode byte) []byte { return join(Op(opcode), Uint(uint64(i))) }

func access(opcode, align byte, offset uint32) []byte {
	return join(Op(opcode, align), Uint(uint64(offset)))
}
